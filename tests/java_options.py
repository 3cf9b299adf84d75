"""How Spark's processes start for tests: for some minutes of small tables."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

# Spark's classes as Java has parsed and verified them once (make .venv/classes.jsa): a JVM starts in half of the time.
# Where there is none, or one of another Java, classes are taken from their jars as ever.
ARCHIVE = Path(sys.prefix) / "classes.jsa"

# The second compiler and collecting threads are half of the processor's time, and the first compiler alone would have
# room for no more than it compiles in some minutes. With its default sizes Java collects garbage twice a second, and
# all garbage each time the classes need more memory.
QUICK = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=512m -XX:NewSize=300m -XX:MetaspaceSize=256m"
)
# Most of Spark's methods are called some dozens of times in some minutes. By default a method is compiled when it is
# called for the 256th time, and interpreted until then. To compile sooner pays for the session of many tests, and not
# for a process of some seconds. Nor does room for so much garbage.
LONG_SESSION = (
    "-XX:NewSize=700m -XX:Tier0InvokeNotifyFreqLog=3 -XX:Tier3InvocationThreshold=12 -XX:Tier3MinInvocationThreshold=6"
    " -XX:Tier3CompileThreshold=120 -XX:Tier3BackEdgeThreshold=4000"
)


def java_options() -> str:
    """Return the options for drivers, executors and daemons."""
    if not (ARCHIVE.exists() and ARCHIVE.stat().st_size):
        return QUICK
    return f"{QUICK} {shlex.quote(f'-XX:SharedArchiveFile={ARCHIVE}')} -Xlog:cds=off"


def start_quickly() -> None:
    """Give the options to every driver that this process and those below it start."""
    os.environ["SPARK_SUBMIT_OPTS"] = java_options()
    os.environ["STEELYARD_CLASS_ARCHIVE"] = "off"  # the user's cache is no place for tests


def classic_environment() -> dict[str, str]:
    """Return this process's environment, without what makes it one of Spark Connect, for one that isn't."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_"))}
    return {**kept, "PYSPARK_PYTHON": sys.executable, "SPARK_SUBMIT_OPTS": java_options()}

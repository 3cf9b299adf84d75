"""How a local session of a user starts Java."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SESSION = """
import os
import steelyard
spark = steelyard.session("local[1]")
management = spark.sparkContext._gateway.jvm.java.lang.management.ManagementFactory
print(*management.getRuntimeMXBean().getInputArguments(), sep="\\n", flush=True)
os._exit(0)  # no archive is made in the background
"""


def test_the_first_session_lists_its_classes_for_an_archive(tmp_path: Path) -> None:
    own = {
        "XDG_CACHE_HOME": str(tmp_path),
        "SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1",
        "STEELYARD_CLASS_ARCHIVE": "",
    }
    command = [sys.executable, "-c", SESSION]
    ran = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=True)
    (classes,) = tmp_path.glob("steelyard/*.list")
    options = ran.stdout.splitlines()
    assert f"-XX:DumpLoadedClassList={classes}" in options
    assert "-XX:TieredStopAtLevel=1" in options
    assert not [o for o in options if "Tier4" in o], "the user chose the compiler"
    assert "org/apache/spark/sql/classic/SparkSession" in classes.read_text()

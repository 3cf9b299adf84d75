"""An ensemble in a run: trained on draws with replacement, saved, judged, shown, and used to score new rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession
from small_pipelines import pipeline

from steelyard.stages import Context, run_stage
from steelyard.stages.commands.score import score_table

STAGES = ("profile", "split", "diagnose", "resample", "guard_resampled", "train", "decide", "evaluate", "report")


def test_a_run_with_an_ensemble_scores_new_rows(
    start: Callable[..., Context], spark: SparkSession, table: str, tmp_path: Path
) -> None:
    ctx = start(
        pipeline(
            table,
            resample={"method": "random_under_sampler", "sampling_strategy": 0.4, "replacement": True},
            train={"model": "balanced_random_forest", "params": {"n_estimators": 6, "max_depth": 4}},
        )
    )
    for stage in STAGES:
        run_stage(ctx, stage)
    plan = ctx.read("resample", "plan.json")
    assert plan["replacement"] == {"slack": 6.0, "numbered": False}
    assert plan["classes"]["0"]["after"] * 0.4 == plan["classes"]["1"]["after"]
    judged = ctx.run.outcome("evaluate")
    assert judged is not None
    scored = score_table(spark, ctx.run.location, table, str(tmp_path / "s"))
    found = pd.read_parquet(tmp_path / "s").set_index("id")
    assert scored["rows"] == len(found) == 1200
    run = pd.read_parquet(f"{ctx.run.location}/scores/{judged.attempt}").set_index("id")
    assert (run["score"] == found.loc[run.index, "score"]).all() and run["score"].nunique() > 30
    metrics = ctx.run.read_json("metrics.json")["splits"]["test"]
    assert metrics["per_class"]["1"]["pr_auc"]["value"] > 0.25
    page = ctx.run.read_text("report.html")
    assert "What the members gain most from" in page and "6 bags of" in page

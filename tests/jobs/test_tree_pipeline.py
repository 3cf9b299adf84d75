"""Spark ML's trees in a run: trained, saved, judged, shown, and used to score new rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline, small_table

from steelyard.errors import ConfigError
from steelyard.stages import Context, run_stage
from steelyard.stages.commands.score import score_table

Start = Callable[..., Context]
BOOSTED = {"model": "gradient_boosted_trees", "params": {"maxIter": 3, "maxDepth": 2, "maxBins": 16}}


def test_a_run_with_a_forest_scores_new_rows(start: Start, spark: SparkSession, table: str, tmp_path: Path) -> None:
    forest = {"model": "random_forest", "class_weight": "balanced", "params": {"numTrees": 10, "maxDepth": 4}}
    ctx = start(pipeline(table, train=forest))
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate", "report"):
        run_stage(ctx, stage)
    judged = ctx.run.outcome("evaluate")
    assert judged is not None
    scored = score_table(spark, ctx.run.location, table, str(tmp_path / "s"))
    found = pd.read_parquet(tmp_path / "s").set_index("id")
    assert scored["rows"] == len(found) == 1200
    run = pd.read_parquet(f"{ctx.run.location}/scores/{judged.attempt}").set_index("id")
    assert (run["score"] == found.loc[run.index, "score"]).all() and run["score"].nunique() > 50
    test = ctx.run.read_json("metrics.json")["splits"]["test"]
    assert test["per_class"]["1"]["pr_auc"]["value"] > 0.4
    page = ctx.run.read_text("report.html")
    assert "What the trees gain most from" in page and "Gini" in page
    new = small_table(40, seed=9).drop(columns=["y"]).assign(a=None, kind="never seen")
    new.to_parquet(tmp_path / "new.parquet", coerce_timestamps="us")
    score_table(spark, ctx.run.location, str(tmp_path / "new.parquet"), str(tmp_path / "n"))
    assert pd.read_parquet(tmp_path / "n")["score"].between(0, 1).all()


def test_boosted_trees_of_three_classes_are_refused_once_the_classes_are_known(start: Start, tmp_path: Path) -> None:
    rows = small_table(300)
    rows["y"] = rows.index % 3
    rows.to_parquet(tmp_path / "three.parquet", coerce_timestamps="us")
    ctx = start(pipeline(str(tmp_path / "three.parquet"), data={"positive": None}, train=BOOSTED))
    with pytest.raises(ConfigError, match=r"train\.model: gradient_boosted_trees takes two classes, .* has 3"):
        run_stage(ctx, "profile")

"""Metrics for each value of the columns of `data.slices`."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import average_precision_score
from small_pipelines import pipeline

from steelyard.config import PipelineConfig
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.report import build, markdown_card
from steelyard.stages import Context, run_pipeline, run_stage
from steelyard.stages._check import check_names_of_outputs
from steelyard.stages._source import check_slices

COSTS = {"cost": {"false_negative": "amount", "false_positive": 20}, "exclude": ["customer", "amount", "t"]}


def test_slices_are_metrics_of_their_rows(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table, data=COSTS))
    run_pipeline(ctx)
    run = ctx.run
    trained, whole = run.outcome("train"), run.read_json("metrics.json")["splits"]["test"]
    assert "slices" not in whole and "Slice by slice" not in build(run)

    sliced = pipeline(table, data={**COSTS, "slices": ["kind", "customer"]})
    run_stage(_changed(ctx, sliced), "evaluate")
    assert run.outcome("train") == trained
    found = run.read_json("metrics.json")["splits"]["test"]
    slices = found.pop("slices")
    assert found == whole
    outcome = run.outcome("evaluate")
    assert outcome is not None
    scores = pd.read_parquet(f"{run.location}/scores/{outcome.attempt}").query("split == 'test'")
    kind = scores["slices"].str[0]
    assert list(slices["kind"]) == kind.value_counts().index.tolist() and "(null)" in slices["kind"]
    assert len(slices["customer"]) == 50
    for value, of in slices["kind"].items():
        rows = scores[kind == value]
        truth, alarm = rows["label"] == 1, rows["decision"] == "1"
        assert of["n"] == len(rows) and of["support"] == {"0": (~truth).sum(), "1": truth.sum()}
        assert of["confusion"]["1"]["0"] == (truth & ~alarm).sum()
        area = average_precision_score(truth, rows["score"])
        assert of["per_class"]["1"]["pr_auc"]["value"] == pytest.approx(area)
        cost = (rows["cost_false_negative"] * (truth & ~alarm)).sum() + 20 * (~truth & alarm).sum()
        assert of["expected_cost"]["value"] == pytest.approx(cost / len(rows))
    assert "Slice by slice" in build(run) and "kind = web: recall" in markdown_card(run)


def test_columns_without_few_values_are_refused(spark: SparkSession) -> None:
    df = spark.createDataFrame([(0.5, "a", 1)], "amount double, kind string, slices int")
    with pytest.raises(InputError, match="'amount' is double; slices are made of strings"):
        check_slices(df, ["amount"], [])
    with pytest.raises(InputError, match="data.slices column 'kinds'"):
        check_slices(df, ["kinds"], [])
    with pytest.raises(InputError, match="slices"):
        check_slices(df, ["kind"], ["slices"])
    timed, data = df.selectExpr("*", "date'2026-01-01' as day", "1 as y"), Dataset("y", ("kind",))
    for name, words in (
        ("kinds", r"column 'kinds' is not in the table. Did you mean 'kind'"),
        ("y", r"names the label 'y'"),
        ("day", r"names 'day', which is date; name numbers, texts and booleans"),
    ):
        with pytest.raises(InputError, match=f"explain.slices {words}"):
            check_names_of_outputs(pipeline("t", explain={"slices": [name]}), timed, data)


def _changed(ctx: Context, config: PipelineConfig) -> Context:
    """Return the context with another configuration of the same run."""
    return Context(ctx.run, config, lambda: ctx.spark)

"""Decision rules through the stages, and what `metrics.json` and `score` make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline, small_table

from steelyard.config import PipelineConfig
from steelyard.errors import InputError
from steelyard.report import build, verdict
from steelyard.stages import Context, run_pipeline, run_stage
from steelyard.stages._model import saved_policy
from steelyard.stages.commands.score import score_table
from steelyard.store import Outcome

COSTS = {"cost": {"false_negative": "amount", "false_positive": 20}, "exclude": ["customer", "t", "amount"]}


def test_per_row_cost_from_decide_to_score(
    spark: SparkSession, start: Callable[..., Context], table: str, tmp_path: Path
) -> None:
    ctx = start(pipeline(table, data=COSTS, decide={"threshold": "per_row_cost"}))
    run_pipeline(ctx)
    run, trained = ctx.run, ctx.run.outcome("train")
    found = run.read_json("metrics.json")
    assert found["threshold"] is None
    decision = found["decision"]
    assert decision["rule"] == "per_row_cost" and "cost_ratio" not in decision
    costs = {part: of["expected_cost"]["value"] for part, of in found["splits"].items()}
    assert decision["promised"] == {"metric": "expected_cost", "value": costs["validation"]}
    assert decision["observed"] == {"metric": "expected_cost", **found["splits"]["test"]["expected_cost"]}
    outcome = run.outcome("evaluate")
    assert outcome is not None and trained is not None
    scores = pd.read_parquet(f"{run.location}/scores/{outcome.attempt}")
    amount = scores["cost_false_negative"]
    assert (scores["decision"] == np.where(scores["score"] * amount >= (1 - scores["score"]) * 20, "1", "0")).all()
    assert set(found["splits"]["test"]["saved"]) == {"no_model", "threshold_0.5", "best_threshold"}
    assert "the best single threshold" in verdict(run) and "per-row cost" in verdict(run)
    assert "the best single threshold" in build(run) and "no single one" in build(run)

    said = score_table(spark, run.location, table, str(tmp_path / "s"))
    again = pd.read_parquet(tmp_path / "s").merge(scores, on="id")
    assert said["threshold"] is None and (again["decision_x"] == again["decision_y"]).all()
    new = small_table(50)
    new.drop(columns="amount").to_parquet(tmp_path / "without.parquet", coerce_timestamps="us")
    with pytest.raises(InputError, match=r"cost column \(decide.threshold is per_row_cost\) 'amount'"):
        score_table(spark, run.location, str(tmp_path / "without.parquet"), str(tmp_path / "t"))
    new.assign(amount=new["amount"].where(new["id"] != 7)).to_parquet(tmp_path / "null.parquet", coerce_timestamps="us")
    with pytest.raises(Exception, match="cost column 'amount' is null"):
        score_table(spark, run.location, str(tmp_path / "null.parquet"), str(tmp_path / "t"))
    assert not (tmp_path / "t").exists()

    other = Context(run, pipeline(table, data=COSTS, decide={"threshold": {"recall_at_least": 0.8}}), lambda: spark)
    for stage in ("decide", "evaluate"):
        run_stage(other, stage)
    assert run.outcome("train") == trained  # a new rule trains nothing
    found = run.read_json("metrics.json")
    decision = found["decision"]
    recall = {part: of["per_class"]["1"]["recall"] for part, of in found["splits"].items()}
    assert decision["promised"] == {"metric": "recall", "min": 0.8, "value": recall["validation"]["value"]}
    assert decision["observed"]["value"] == recall["test"]["value"] and recall["validation"]["value"] >= 0.8
    assert decision["observed"]["kept"] == (recall["test"]["value"] >= 0.8)
    assert decision["cost_ratio"] == pytest.approx((1 - found["threshold"]) / found["threshold"])

    sampled_before(spark, Context(run, thinned(table), lambda: spark), trained)


def thinned(table: str) -> PipelineConfig:
    return pipeline(table, data={**COSTS, "sampling_rate": {0: 0.5}}, decide={"threshold": {"minimize": "cost"}})


def sampled_before(spark: SparkSession, ctx: Context, trained: Outcome) -> None:
    """The same table, of which half of the negatives had been left out before: a negative counts twice."""
    ctx.run.update_manifest({**ctx.run.manifest(), "config": ctx.config.to_json()})
    for stage in ("decide", "evaluate", "report"):
        run_stage(ctx, stage)
    assert ctx.run.outcome("train") == trained
    policy = saved_policy(ctx.run)
    assert policy.priors["1"] == pytest.approx(1 / 19, rel=0.02)
    assert steps(policy.calibration.to_json())[0]["method"] == "prior"
    found = ctx.run.read_json("metrics.json")
    split, outcome = found["splits"]["test"], ctx.run.outcome("evaluate")
    assert outcome is not None
    rows = pd.read_parquet(f"{ctx.run.location}/scores/{outcome.attempt}").query("split == 'test'")
    yes, alarm, weight = rows["label"] == 1, rows["decision"] == "1", rows["weight"]
    assert (weight == np.where(yes, 1.0, 2.0)).all()
    assert split["support"] == {"0": int((~yes).sum()), "1": int(yes.sum())} and split["n"] == len(rows)
    assert split["confusion"]["0"]["1"] == int((alarm & ~yes).sum())
    hits, false = (alarm & yes).sum(), (alarm & ~yes).sum()
    assert hits and false
    assert split["per_class"]["1"]["precision"]["value"] == pytest.approx(hits / (hits + 2 * false))
    assert split["brier"]["value"] == pytest.approx(np.average((rows["score"] - yes) ** 2, weights=weight))
    costs = weight * np.where(yes, ~alarm * rows["cost_false_negative"], alarm * 20)
    assert split["expected_cost"]["value"] == pytest.approx(costs.sum() / weight.sum())
    missed = (yes * rows["cost_false_negative"]).sum()
    assert split["saved"]["no_model"]["value"] == pytest.approx(missed - costs.sum())
    assert np.average(rows["score"], weights=weight) == pytest.approx(np.average(yes, weights=weight), rel=0.35)
    assert "holds 50.0\u202f% of class 0" in build(ctx.run)


def steps(calibration: dict[str, Any]) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = calibration.get("steps", [calibration])
    return given


def test_rates_of_unknown_classes_are_refused(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table, data={"sampling_rate": {"2": 0.5}}))
    with pytest.raises(InputError, match=r"data\.sampling_rate: the label has no class '2'"):
        run_stage(ctx, "profile")

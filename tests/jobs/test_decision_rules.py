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

from steelyard.classifier import Classifier, kept_half
from steelyard.config import PipelineConfig
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.explaining import importances
from steelyard.learning import load_model
from steelyard.report import build, verdict
from steelyard.stages import Context, run_pipeline, run_stage
from steelyard.stages._model import saved_classifier, saved_policy
from steelyard.stages._source import dataset, rows_of
from steelyard.stages.commands.score import score_table
from steelyard.store import Outcome, RunDir

COSTS = {"cost": {"false_negative": "amount", "false_positive": 20}, "exclude": ["customer", "amount"], "time": "t"}


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
    a_matrix_of_two_classes(spark, run, table)
    a_budget_of_alerts(spark, run, table)
    the_highest_scores_of_each_day(spark, run, table, tmp_path / "top")


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
    [means] = [r for r in guarded(ctx) if "prevalence" in r["expectation"]]
    for of in means["observed"].values():  # among the rows of the table, of which 10 % are positive
        assert of["observed"] == pytest.approx(0.1, abs=0.001) and of["predicted"] == pytest.approx(0.1, rel=0.35)


def guarded(ctx: Context) -> list[dict[str, Any]]:
    """Return what the guard of the scores found."""
    run_stage(ctx, "guard_scored")
    outcome = ctx.run.outcome("guard_scored")
    assert outcome is not None
    found: list[dict[str, Any]] = ctx.run.read_json(outcome.details["report"])["results"]
    return found


def steps(calibration: dict[str, Any]) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = calibration.get("steps", [calibration])
    return given


def test_rates_of_unknown_classes_are_refused(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table, data={"sampling_rate": {"2": 0.5}}))
    with pytest.raises(InputError, match=r"data\.sampling_rate: the label has no class '2'"):
        run_stage(ctx, "profile")


def decided(spark: SparkSession, run: RunDir, config: PipelineConfig) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return `metrics.json` and the scores under another rule, the days of the rows with them."""
    ctx = Context(run, config, lambda: spark)
    for stage in ("decide", "evaluate"):
        run_stage(ctx, stage)
    outcome = run.outcome("evaluate")
    assert outcome is not None
    scores = pd.read_parquet(f"{run.location}/scores/{outcome.attempt}")
    table = small_table()[["id", "t"]].assign(
        day=lambda d: d["t"].astype("datetime64[us]").astype("int64") // 86_400_000_000
    )
    held = scores.merge(table, on="id")
    totals = table.groupby("day").size()
    shares = held.groupby(["split", "day"]).size() / totals.reindex(
        held.groupby(["split", "day"]).size().index, level="day"
    )
    assert (held["period"] == held["day"]).all()
    assert np.allclose(held["share"], shares.loc[list(zip(held["split"], held["day"], strict=True))])
    return run.read_json("metrics.json"), held


def a_matrix_of_two_classes(spark: SparkSession, run: RunDir, table: str) -> None:
    """Errors cost 60 and 20 more than right decisions, which cost something themselves."""
    matrix = {0: {0: 5, 1: 25}, 1: {0: 70, 1: 10}}
    ctx = Context(run, pipeline(table, data={**COSTS, "cost": {"matrix": matrix}}), lambda: spark)
    for stage in ("decide", "evaluate"):
        run_stage(ctx, stage)
    found = run.read_json("metrics.json")
    assert found["decision"]["rule"] == {"minimize": "cost"} and found["threshold"] == 0.25
    split = found["splits"]["test"]
    errors = split["confusion"]["1"]["0"] * 60 + split["confusion"]["0"]["1"] * 20
    assert errors and split["expected_cost"]["value"] == pytest.approx(errors / split["n"])


def a_budget_of_alerts(spark: SparkSession, run: RunDir, table: str) -> None:
    rule = {"alerts": {"per": "day", "at_most": 4, "confidence": 0.8}}
    found, scores = decided(spark, run, pipeline(table, data=COSTS, decide={"threshold": rule}))
    threshold, validation = found["threshold"], scores.query("split == 'validation'")

    def kept(rows: pd.DataFrame, t: float) -> pd.Series:
        return rows.assign(alerts=(rows["score"] >= t) / rows["share"]).groupby("day")["alerts"].sum() <= 4 + 1e-6

    held = {t: kept(validation, t).mean() for t in validation["score"].unique()}
    assert threshold == min(t for t, share in held.items() if share >= 0.8)  # the lowest that keeps the budget
    assert any(share < 0.8 for share in held.values())
    decision = found["decision"]
    days = kept(validation, threshold)
    assert decision["rule"] == rule
    assert decision["promised"] == {
        "metric": "alerts",
        "min": 0.8,
        "value": pytest.approx(days.mean()),
        "periods": len(days),
    }
    test = scores.query("split == 'test'")
    alerts = test.assign(alerts=(test["decision"] == "1") / test["share"]).groupby("day")["alerts"].sum()
    observed = decision["observed"]
    assert observed["value"] == pytest.approx((alerts <= 4 + 1e-6).mean()) and observed["periods"] == len(alerts)
    assert observed["mean"] == pytest.approx(alerts.mean()) and observed["most"] == pytest.approx(alerts.max())
    assert "at most 4 alerts per day" in verdict(run)


def the_highest_scores_of_each_day(spark: SparkSession, run: RunDir, table: str, out: Path) -> None:
    rule = {"alerts": {"per": "day", "top": 9}}
    found, scores = decided(spark, run, pipeline(table, data=COSTS, decide={"threshold": rule}))
    assert found["threshold"] is None and found["decision"]["promised"]["metric"] == "alerts"
    for (_, _), day in scores.groupby(["split", "day"]):
        ahead = day["score"].rank(ascending=False, method="max") / day["share"]
        assert ((day["decision"] == "1") == (ahead <= 9 + 1e-6)).all()
    build(run)
    explained = pipeline(table, data=COSTS, decide={"threshold": rule}, explain={"rows": 600, "slices": ["a"]})
    mistakes = run_stage(Context(run, explained, lambda: spark), "explain").details
    wrong = found["splits"]["test"]["confusion"]
    assert (mistakes["missed"], mistakes["false_alarm"]) == (wrong["1"]["0"], wrong["0"]["1"]), "decisions as evaluated"

    said = score_table(spark, run.location, table, str(out))
    new = pd.read_parquet(out)
    ranks = new.groupby(new["t"].dt.date)["score"].rank(ascending=False, method="max")
    assert ((new["decision"] == "1") == (ranks <= 9)).all()
    assert said["incomplete"] == ["2026-01-01", "2026-02-19"]
    assert any("2026-01-01 and 2026-02-19 may be incomplete" in note for note in said["warnings"])
    with pytest.raises(InputError, match=r"time column \(decide.threshold is alerts\) 't'"):
        small_table(9).drop(columns="t").to_parquet(out.parent / "timeless.parquet")
        score_table(spark, run.location, str(out.parent / "timeless.parquet"), str(out.parent / "u"))


def test_conformal_recall_leaves_half_of_the_validation_rows(
    spark: SparkSession, start: Callable[..., Context], table: str
) -> None:
    model = {"model": "xgboost", "params": {"n_estimators": 20}, "num_workers": 1}
    split = {"method": "stratified", "validation": 0.4, "test": 0.25, "seed": 3}
    warnings: list[str] = []

    def run(rule: dict[str, Any], **more: Any) -> RunDir:
        sections = {"train": model, "decide": {"threshold": rule}, "split": split, **more}
        ctx = start(pipeline(table, **sections), f"r{len(warnings)}{len(more)}")
        ctx.warn = warnings.append
        for stage in ("profile", "split", "resample", "train", "decide", "evaluate"):
            run_stage(ctx, stage)
        return ctx.run

    done = run({"conformal_recall": 0.8})
    trained, outcome = done.outcome("train"), done.outcome("evaluate")
    assert trained is not None and outcome is not None
    found = done.read_json("metrics.json")
    decision = found["decision"]
    assert decision["promised"]["min"] == 0.8 and decision["promised"]["metric"] == "recall"
    assert not any("exchangeable" in warning for warning in warnings)
    scores = pd.read_parquet(f"{done.location}/scores/{outcome.attempt}").query("split == 'validation' and label == 1")
    df = spark.read.parquet(table)
    halves = df.select("id", kept_half(df, Dataset("y", features=("a",), key=("id",))).alias("held")).toPandas()
    own = np.sort(scores.merge(halves.query("held"), on="id")["score"])
    assert 15 < len(own) < 33  # of 48
    assert found["threshold"] == own[int(0.2 * (len(own) + 1) + 1e-9) - 1]
    with pytest.raises(InputError, match="a recall of 0.99 needs at least 99 positive rows that the training did not"):
        run({"conformal_recall": 0.99}, guards={})


def test_costs_as_training_weights(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table, data=COSTS, train={"model": "logistic_regression", "cost_weights": True}))
    warnings: list[str] = []
    ctx.warn = warnings.append
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate", "report"):
        run_stage(ctx, stage)
    found = ctx.run.read_json("metrics.json")
    assert found["threshold"] == 0.5 and found["decision"]["rule"] == {"value": 0.5}
    assert found["decision"]["probabilities"] is False and "cost_ratio" not in found["decision"]
    split = found["splits"]["test"]
    assert all(split[name]["value"] is None and split[name]["note"] for name in ("brier", "log_loss", "ece"))
    assert "net_benefit" not in split
    assert any("not probabilities; these metrics are null: Brier score" in note for note in found["notes"])
    assert split["saved"]["no_model"]["value"] > 0  # 0.5 is right for costs that are in the model already
    assert 'id="calibration-title"' not in build(ctx.run)
    assert not any("prevalence" in r["expectation"] for r in guarded(ctx)) and not any("guard" in w for w in warnings)
    outcome = ctx.run.outcome("evaluate")
    assert outcome is not None
    scores = pd.read_parquet(f"{ctx.run.location}/scores/{outcome.attempt}")
    weight = np.where(scores["label"] == 1, scores["cost_false_negative"], 20)
    share = np.average(scores["label"], weights=weight)
    assert np.average(scores["score"], weights=weight) == pytest.approx(share, rel=0.15)  # of costs, not of rows
    assert share > 2 * scores["label"].mean()


def test_fold_models_where_validation_has_few_positives(start: Callable[..., Context], table: str) -> None:
    sampled = {"method": "random_under_sampler", "sampling_strategy": 0.5}
    decide = {"calibrate": "prior", "threshold": {"recall_at_least": 0.8}}
    model = {"model": "logistic_regression", "fold_models": "auto"}
    ctx = start(pipeline(table, data={**COSTS, "group": "customer"}, split={"method": "group"}, resample=sampled,
                         train=model, decide=decide, explain={"rows": 40, "slices": ["kind"]}))  # fmt: skip
    warnings: list[str] = []
    ctx.warn = warnings.append
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate", "explain", "report"):
        run_stage(ctx, stage)
    trained, evaluated = ctx.run.outcome("train"), ctx.run.outcome("evaluate")
    assert trained is not None and evaluated is not None
    scores = pd.read_parquet(f"{ctx.run.location}/scores/{evaluated.attempt}")
    own = scores.query("split == 'validation'")
    unseen = pd.read_parquet(f"{ctx.run.location}/model/{trained.attempt}/out_of_fold")
    assert set(unseen["id"]).isdisjoint(scores["id"]) and len(unseen) + len(scores) == 1200 and unseen["id"].is_unique
    p = np.stack(unseen["__steelyard_out_of_fold"].to_numpy())[:, 1]
    rate = trained.details["out_of_fold"] and ctx.read("resample", "plan.json")["classes"]["0"]
    rate = rate["after"] / rate["before"]
    both = np.concatenate([own["score"], rate * p / (rate * p + 1 - p)])
    yes = np.concatenate([own["label"], unseen["y"]]) == 1
    threshold = ctx.run.read_json("metrics.json")["threshold"]
    order = np.argsort(-both)
    recall = np.cumsum(yes[order]) / yes.sum()
    precision = np.cumsum(yes[order]) / np.arange(1, len(both) + 1)
    best = np.argmax(np.where(recall >= 0.8, precision, -1))
    assert threshold == pytest.approx(both[order][best])
    few = int((own["label"] == 1).sum())
    [said] = [w for w in warnings if w.startswith("few positives")]
    assert f"{few} validation rows and {int(unseen['y'].sum())} training rows that fold models scored" in said
    assert "wide" in said and "Note: few positives: " in build(ctx.run)
    _importances_are_stable(ctx, trained.attempt)


def _importances_are_stable(ctx: Context, attempt: str) -> None:
    """The spread of importances is that of the five models, on the same test rows."""
    models = [load_model(ctx.run, f"model/{attempt}/folds/{fold}") for fold in range(5)]
    policy = saved_classifier(ctx.run).policy
    rows = rows_of(ctx, "test")
    lists = [importances(Classifier(m, policy), rows, dataset(ctx), rows=40)["features"] for m in models]
    found = ctx.read("explain", "explanation.json")["stability"]
    assert (found["folds"], found["top"], found["note"]) == (5, 2, None)
    assert {of["feature"] for of in found["features"]} == {"a", "b", "kind"}
    for of in found["features"]:
        own = [part["value"] for one in lists for part in one if part["feature"] == of["feature"]]
        assert (of["min"], of["max"]) == pytest.approx((min(own), max(own))) and of["min"] < of["max"]
        assert of["mean"] == pytest.approx(np.mean(own))
        assert of["in_top"] == sum(of["feature"] in [part["feature"] for part in one[:2]] for one in lists)
    assert {of["feature"] for of in found["features"] if of["in_top"] == 5} == {"a", "b"}, "the causes, not the noise"
    assert "by the models of 5 folds of the training rows" in build(ctx.run)

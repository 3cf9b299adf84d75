"""A decision policy, fitted without a run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.dataset import Cost
from steelyard.deciding import DecisionPolicy, fit_policy
from steelyard.distortion import Distortion
from steelyard.errors import translated
from steelyard.metrics import ScoreTable, evaluate_splits

HOW: dict[str, Any] = {"classes": ("no", "yes"), "positive": "yes", "priors": {"no": 0.9, "yes": 0.1}}


@pytest.fixture(scope="module")
def scored(spark: SparkSession) -> DataFrame:
    """Probabilities after the negatives were under-sampled to a tenth, with costs."""
    rng = np.random.default_rng(1)
    p = rng.beta(0.6, 6, 3000)
    label = np.where(rng.random(3000) < p, "yes", "no")
    distorted = np.round(p / (p + 0.1 * (1 - p)), 6)
    frame = pd.DataFrame({"label": label, "s": distorted, "cost_fn": rng.uniform(1, 9, 3000), "cost_fp": 1.0})
    rows = spark.createDataFrame(frame)
    return rows.withColumn("probabilities", F.array(1 - F.col("s"), F.col("s"))).drop("s").cache()


def test_a_policy_corrects_scores_and_decides_at_least_cost(scored: DataFrame) -> None:
    policy = fit_policy(scored, **HOW, distortion=Distortion({"no": 0.1}), cost=Cost("loss", 1.0))
    assert policy.calibration.method == "prior" and policy.chosen is not None
    assert policy.chosen.rule == {"minimize": "cost"} and policy.cost == Cost("loss", 1.0)
    again = DecisionPolicy.from_json(json.loads(json.dumps(policy.to_json())))
    assert again == policy
    rows = scored.withColumn("score", again.calibrated(F.col("probabilities")))
    found = rows.withColumn("decision", again.decide(F.col("score"))).toPandas()
    assert found.score.mean() == pytest.approx((found.label == "yes").mean(), rel=0.1)
    wrong = np.where(found.label == "yes", found.cost_fn, found.cost_fp) * (found.label != found.decision)
    assert wrong.mean() == pytest.approx(policy.chosen.achieved["expected_cost"])
    costs = [
        np.where(found.label == "yes", (found.score < t) * found.cost_fn, (found.score >= t) * found.cost_fp).mean()
        for t in np.quantile(found.score, np.linspace(0, 1, 200))
    ]
    assert wrong.mean() <= min(costs) + 1e-12


@pytest.mark.parametrize("calibrate", ["none", "prior", "temperature", "platt", "beta", "isotonic", "auto"])
def test_distinct_scores_are_calibrated_as_all_rows_are(
    scored: DataFrame, calibrate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the table holds a row for each score, one for each is calibrated; equal ones become one."""
    rows = scored.withColumn("probabilities", F.transform("probabilities", lambda p: F.round(p, 2)))
    how: dict[str, Any] = {**HOW, "distortion": Distortion({"no": 0.1}), "calibrate": calibrate}
    found = fit_policy(rows, **how)
    monkeypatch.setattr(ScoreTable, "exact", property(lambda table: False))
    expected = fit_policy(rows, **how)
    assert found.calibration == expected.calibration
    assert found.chosen is not None and expected.chosen is not None
    assert found.chosen.value == expected.chosen.value
    assert found.chosen.achieved == pytest.approx(expected.chosen.achieved, rel=1e-12)


def test_intervals_are_the_same_in_spark_as_in_numpy(scored: DataFrame) -> None:
    policy = fit_policy(scored, **HOW, distortion=Distortion({"no": 0.1}), uncertainty="venn_abers")
    assert DecisionPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy
    of = policy.uncertainty
    assert of is not None and of.rows == 3000 and 0 < of.median_width < 0.1
    score = scored.select(F.col("probabilities")[1].alias("s")).union(
        scored.sparkSession.createDataFrame([(v,) for v in (0.0, 1.0, *of.low.edges, *of.high.edges)], "s double")
    )
    ends = policy.interval(F.array(1 - F.col("s"), F.col("s")))
    assert ends is not None
    found = score.select("s", ends[0].alias("low"), ends[1].alias("high")).toPandas()
    assert (found.low == of.low.apply_numpy(found.s.to_numpy())).all()
    assert (found.high == of.high.apply_numpy(found.s.to_numpy())).all()
    truth = (scored.select("label").toPandas().label == "yes").mean()
    assert found.low[:3000].mean() < truth < found.high[:3000].mean()


def test_without_costs_the_default_rule_is_f2(scored: DataFrame) -> None:
    policy = fit_policy(scored.drop("cost_fn", "cost_fp"), **HOW, distortion=Distortion({"yes": 10.0}, exact=False))
    assert policy.chosen is not None and policy.chosen.rule == {"maximize": "f2"}
    best = min(policy.candidates[1:], key=lambda c: c.log_loss)
    assert (policy.calibration.method, policy.calibration_note) == (best.method, None)
    assert DecisionPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


def test_each_row_has_the_threshold_that_its_costs_give(spark: SparkSession) -> None:
    """Amounts that do not depend on the score: no single threshold can be right for small and large ones."""
    rng = np.random.default_rng(5)
    n = 6000
    p = rng.beta(0.5, 5, n)
    label = np.where(rng.random(n) < p, "yes", "no")
    amount = np.exp(rng.normal(2, 2, n))
    frame = pd.DataFrame({"label": label, "s": p, "amount": amount, "cost_fn": amount, "cost_fp": 6.0})
    frame["split"] = np.where(np.arange(n) % 3 == 0, "validation", "test")
    frame["bucket"] = rng.integers(0, 200, n)
    rows = spark.createDataFrame(frame).withColumn("probabilities", F.array(1 - F.col("s"), F.col("s"))).cache()
    validation = rows.where("split = 'validation'")
    policy = fit_policy(validation, **HOW, distortion=Distortion(), threshold="per_row_cost", cost=Cost("amount", 6.0))
    assert policy.threshold is None and policy.columns == ("amount",) and policy.calibration.method == "none"
    assert DecisionPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy

    decided = rows.withColumn("score", policy.calibrated(F.col("probabilities")))
    decided = decided.withColumn("decision", policy.decide(F.col("score"))).cache()
    found = decided.toPandas()
    alarm = found.score * found.amount >= (1 - found.score) * 6.0
    assert (found.decision == np.where(alarm, "yes", "no")).all() and 0.02 < alarm.mean() < 0.5
    assert policy.cheapest is not None
    best = policy.cheapest
    judged = evaluate_splits(
        decided, ["validation", "test"], classes=("no", "yes"), positive="yes", bucket=F.col("bucket"),
        false_negative="cost_fn", false_positive="cost_fp", rivals={"threshold_0.5": 0.5, "best_threshold": best},
    )  # fmt: skip
    part = found[found.split == "test"]
    yes = part.label == "yes"

    def costs(alarms: pd.Series) -> np.ndarray:
        return np.where(yes, ~alarms * part.amount, alarms * 6.0)

    saved = judged["test"].to_json()["saved"]
    for name, rival in (("best_threshold", part.score >= best), ("threshold_0.5", part.score >= 0.5)):
        assert saved[name]["value"] == pytest.approx((costs(rival) - costs(part.decision == "yes")).sum(), rel=1e-9)
        assert saved[name]["ci95"][0] > 0  # it must win
    assert saved["no_model"]["ci95"][0] > 0

    for bad in (None, float("nan"), -1.0):
        with pytest.raises(Exception, match="cost column 'amount' is null, negative") as error:
            rows.limit(3).withColumn("amount", F.lit(bad).cast("double")).select(policy.decide(F.col("s"))).collect()
        assert translated(error.value, "score").exit_code == 2


def test_numbers_as_costs_give_the_threshold_in_closed_form(scored: DataFrame) -> None:
    rows = scored.withColumn("cost_fn", F.lit(19.0))
    how: dict[str, Any] = {**HOW, "cost": Cost(19.0, 1.0), "distortion": Distortion({"no": 0.1})}
    policy = fit_policy(rows, **how)
    assert policy.chosen is not None and policy.chosen.value == 0.05 and policy.probabilities
    assert policy.cheapest is not None and policy.chosen.achieved["expected_cost"] > 0
    bent = fit_policy(rows, **how, calibrate="none")  # scores are no probabilities: tuned
    assert bent.chosen is not None and bent.chosen.value == bent.cheapest != 0.05 and not bent.probabilities
    one = fit_policy(rows.withColumn("cost_fp", F.lit(0.0)), **{**how, "cost": Cost(19.0)})
    assert one.chosen is not None and one.chosen.note is not None
    assert one.chosen.note.startswith("data.cost.false_positive is not given and counts as 0")


def test_a_row_that_stands_for_more_rows_than_alerts_are_allowed_is_noted(scored: DataFrame) -> None:
    share = F.when(F.col("label") == "yes", 0.5).otherwise(0.1)  # the median row decides, not the largest share
    rows = scored.drop("cost_fn", "cost_fp").withColumns({"period": F.lit(1), "share": share})
    for rule, noted in (({"top": 9}, True), ({"top": 10}, False), ({"at_most": 9}, True)):
        policy = fit_policy(
            rows, **HOW, distortion=Distortion(), time="t", threshold={"alerts": {"per": "day", **rule}}
        )
        assert policy.chosen is not None and (policy.chosen.note is not None) == noted
        assert not noted or "stands for 10 rows of its day, more than the 9 alerts" in str(policy.chosen.note)


def test_several_classes_are_decided_at_least_expected_cost(spark: SparkSession) -> None:
    rng = np.random.default_rng(8)
    n, classes = 4000, ("good", "crack", "scratch")
    p = rng.dirichlet([6, 0.8, 0.6], n)
    label = np.array(classes)[(rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1)]
    matrix = {
        "good": {"crack": 1.0, "scratch": 2.0},
        "crack": {"good": 30.0, "scratch": 4.0},
        "scratch": {"good": 12.0, "crack": 3.0},
    }
    frame = pd.DataFrame({"label": label, "p": list(p), "split": "test", "bucket": rng.integers(0, 200, n)})
    rows = spark.createDataFrame(frame).withColumnRenamed("p", "probabilities").cache()
    policy = fit_policy(
        rows, classes=classes, positive=None, priors={}, distortion=Distortion(), cost=Cost(matrix=matrix)
    )
    assert DecisionPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy
    decided = rows.withColumn("score", policy.calibrated(F.col("probabilities")))
    decided = decided.withColumn("decision", policy.decide(F.col("score"))).cache()
    costs = np.array([[matrix[a].get(d, 0.0) for d in classes] for a in classes])
    found = decided.toPandas()
    p = np.stack(found["probabilities"].to_numpy())
    wanted = np.array(classes)[(p @ costs).argmin(axis=1)]
    assert (found.decision == wanted).all() and (wanted != np.array(classes)[p.argmax(axis=1)]).mean() > 0.1
    own = np.array([matrix[a].get(d, 0.0) for a, d in zip(found.label, found.decision, strict=True)])
    likely = np.array(
        [matrix[a].get(d, 0.0) for a, d in zip(found.label, np.array(classes)[p.argmax(axis=1)], strict=True)]
    )
    assert own.mean() < likely.mean()
    how: dict[str, Any] = {"classes": classes, "positive": None, "bucket": F.col("bucket"), "matrix": matrix}
    split = evaluate_splits(decided, ["test"], **how)["test"].to_json()
    cost = split["expected_cost"]
    assert cost["value"] == pytest.approx(own.mean()) and cost["ci95"][0] < own.mean() < cost["ci95"][1]
    same = {d: np.mean([matrix[a].get(d, 0.0) for a in found.label]) for d in classes}
    best = min(same, key=lambda d: same[d])
    assert split["saved"]["same_class"]["class"] == best
    assert split["saved"]["same_class"]["value"] == pytest.approx((same[best] - own.mean()) * n)
    assert policy.rule["rule"] == "least expected cost" and policy.rule["matrix"] == matrix

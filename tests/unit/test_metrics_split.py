"""A split's document: complete, right beside scikit-learn, honest where there is too little."""

from __future__ import annotations

import json
import math
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from steelyard.errors import ConfigError
from steelyard.metrics import (
    BucketTable,
    ScoreTable,
    always_majority,
    class_shares,
    document,
    lookup,
    majority_class,
    split_document,
)
from steelyard.metrics._curves import class_curves

PER_CLASS = {"precision", "recall", "f1", "f2", "f0.5", "specificity", "pr_auc", "roc_auc"}
SPLIT = {
    "n", "support", "absent_classes", "confusion", "per_class", "accuracy", "accuracy_always_majority",
    "balanced_accuracy", "g_mean", "mcc", "kappa", "iba", "brier", "log_loss", "ece", "expected_cost",
    "expected_cost_never_alarm", "expected_cost_always_alarm", "recall_at_precision_0.9", "precision_at_k",
}  # fmt: skip


@cache
def binary(
    n: int = 4000,
    share: float = 0.03,
    *,
    seed: int = 0,
    groups: int | None = None,
    costs: bool = False,
    weighted: bool = False,
    shift: float = 2.5,
    outside: bool = False,
    stands_for: float = 1.0,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the document of simulated rows, and the rows."""
    rng = np.random.default_rng(seed)
    label = rng.random(n) < share
    raw = rng.normal(size=n) + shift * label
    score = raw if outside else np.round(1 / (1 + np.exp(3 - raw)), 3)
    threshold = 1.5 if outside else 0.2
    alarm = score >= threshold
    bucket = rng.integers(0, 200, groups)[rng.integers(0, groups, n)] if groups else rng.integers(0, 200, n)
    weight = rng.choice([0.5, 1.0, 3.0], n) if weighted else np.where(label, 1.0, stands_for)
    cost = {"cost_fn": rng.exponential(50, n), "cost_fp": np.full(n, 5.0)} if costs else {}
    table = ScoreTable.from_rows(score, label, weight, **cost)
    others = {"threshold_0.5": 0.5, "high": 0.9}
    rivals = list(others.values())
    buckets = BucketTable.from_rows(table, score, label, alarm, bucket, weight=weight, **cost, rivals=rivals)
    confusion = {
        a: {d: int((x & y).sum()) for d, y in (("no", ~alarm), ("yes", alarm))}
        for a, x in (("no", ~label), ("yes", label))
    }
    tables = {"yes": (table, buckets)}
    found = split_document(("no", "yes"), "yes", confusion, tables, grouped=groups is not None, rivals=others)
    return found, {"label": label, "score": score, "alarm": alarm, "weight": weight, "bucket": bucket, **cost}


def numbers(node: Any) -> list[dict[str, Any]]:
    """Return all numbers in a document."""
    if not isinstance(node, dict):
        return []
    return [node] if "value" in node else [n for child in node.values() for n in numbers(child)]


def test_the_majority_is_that_of_the_weights() -> None:
    """Of a table whose negatives were left out before, positives are the most rows, but not the most frequent class."""
    found, rows = binary(2000, 0.6, stands_for=20.0)
    share = np.average(rows["label"], weights=rows["weight"])
    assert found["majority"] == majority_class(found) == "no" and found["support"]["yes"] > found["support"]["no"]
    assert found["accuracy_always_majority"]["value"] == pytest.approx(1 - share)
    assert class_shares(found)["yes"] == pytest.approx(share)
    assert always_majority(found, "recall", "yes") == 0
    assert "majority" not in binary()[0]


@pytest.mark.parametrize("weighted", [False, True])
def test_every_number_is_scikit_learns(weighted: bool) -> None:
    found, rows = binary(weighted=weighted)
    y, s, d, w = rows["label"], rows["score"], rows["alarm"], rows["weight"]
    expected = {
        "accuracy": sk.accuracy_score(y, d, sample_weight=w),
        "accuracy_always_majority": 1 - np.average(y, weights=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, d, sample_weight=w),
        "mcc": sk.matthews_corrcoef(y, d, sample_weight=w),
        "kappa": sk.cohen_kappa_score(y, d, sample_weight=w),
        "brier": sk.brier_score_loss(y, s, sample_weight=w),
        "log_loss": sk.log_loss(y, s, sample_weight=w),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, abs=1e-9), name
    for name, side in (("yes", y), ("no", ~y)):
        guess, rank = (d, s) if name == "yes" else (~d, -s)
        own = {
            "precision": sk.precision_score(side, guess, sample_weight=w),
            "recall": sk.recall_score(side, guess, sample_weight=w),
            "f1": sk.f1_score(side, guess, sample_weight=w),
            "f2": sk.fbeta_score(side, guess, beta=2, sample_weight=w),
            "f0.5": sk.fbeta_score(side, guess, beta=0.5, sample_weight=w),
            "specificity": sk.recall_score(~side, ~guess, sample_weight=w),
            "pr_auc": sk.average_precision_score(side, rank, sample_weight=w),
            "roc_auc": sk.roc_auc_score(side, rank, sample_weight=w),
        }
        assert set(own) == set(found["per_class"][name])
        for metric, value in own.items():
            assert found["per_class"][name][metric]["value"] == pytest.approx(value, abs=1e-9), (name, metric)
    assert found["g_mean"]["value"] == pytest.approx(
        math.sqrt(found["per_class"]["yes"]["recall"]["value"] * found["per_class"]["no"]["recall"]["value"])
    )


def test_the_document_is_complete_and_each_interval_holds_its_value() -> None:
    found, rows = binary(costs=True)
    assert set(found) == SPLIT | {"saved", "net_benefit"}
    assert set(found["saved"]) == {"no_model", "threshold_0.5", "high"}
    assert set(found["per_class"]["yes"]) == PER_CLASS
    assert found["n"] == 4000
    assert found["support"] == {"no": int((~rows["label"]).sum()), "yes": int(rows["label"].sum())}
    assert sum(sum(row.values()) for row in found["confusion"].values()) == 4000
    json.dumps(found, allow_nan=False)
    for number in numbers(found):
        low, high = number["ci95"]
        assert low <= number["value"] <= high
        assert "bounds" not in number
        assert "note" not in number


def test_costs_beside_those_of_the_trivial_deciders() -> None:
    found, rows = binary(costs=True)
    y, d = rows["label"], rows["alarm"]
    assert found["expected_cost"]["value"] == pytest.approx(
        np.where(y, ~d * rows["cost_fn"], d * rows["cost_fp"]).mean()
    )
    assert found["expected_cost_never_alarm"]["value"] == pytest.approx((y * rows["cost_fn"]).mean())
    assert found["expected_cost_always_alarm"]["value"] == pytest.approx((~y * rows["cost_fp"]).mean())
    without, _ = binary()
    assert without["expected_cost"] == {"value": None, "ci95": None} and "saved" not in without


@pytest.mark.parametrize("weighted", [False, True])
def test_savings_are_paired_differences_of_costs(weighted: bool) -> None:
    found, rows = binary(costs=True, weighted=weighted)
    y, w = rows["label"], rows["weight"]

    def costs(alarm: np.ndarray) -> np.ndarray:
        return w * np.where(y, ~alarm * rows["cost_fn"], alarm * rows["cost_fp"])

    own = costs(rows["alarm"])
    others = {"no_model": y & False, "threshold_0.5": rows["score"] >= 0.5, "high": rows["score"] >= 0.9}
    for name, alarm in others.items():
        saved = costs(alarm) - own
        got = found["saved"][name]
        assert got["value"] == pytest.approx(saved.sum())
        assert got.get("threshold") == {"threshold_0.5": 0.5, "high": 0.9}.get(name)
        # The interval is that of the difference of the rows' costs, not of two independent sums.
        error = np.bincount(rows["bucket"], saved, 200).std() * math.sqrt(200)
        assert got["ci95"][1] - got["ci95"][0] == pytest.approx(4 * error, rel=0.15)
    alike = costs(rows["score"] >= 0.9) - costs(rows["score"] >= 0.5)
    assert found["saved"]["high"]["value"] - found["saved"]["threshold_0.5"]["value"] == pytest.approx(alike.sum())


def test_net_benefit_against_rows() -> None:
    found, rows = binary(weighted=True)
    y, s, w = rows["label"], rows["score"], rows["weight"]
    assert len(found["net_benefit"]) == 15
    for point in found["net_benefit"]:
        t = point["threshold"]
        gains = w * np.where(y, 1.0, -t / (1 - t))
        assert point["model"]["value"] == pytest.approx((gains * (s >= t)).sum() / w.sum(), abs=1e-12)
        assert point["all"] == pytest.approx(gains.sum() / w.sum())
        low, high = point["model"]["ci95"]
        assert low <= point["model"]["value"] <= high
    outside, _ = binary(outside=True)
    assert "net_benefit" not in outside  # its thresholds are probabilities


def test_precision_at_k_says_its_k() -> None:
    found, rows = binary(seed=3)
    k = int(rows["label"].sum())
    assert found["precision_at_k"]["k"] == k
    order = np.argsort(-rows["score"] + 1e-9 * np.random.default_rng(0).random(4000))
    assert found["precision_at_k"]["value"] == pytest.approx(rows["label"][order[:k]].mean(), abs=0.03)


def test_with_few_positives_only_proportions_have_intervals() -> None:
    found, rows = binary(n=1000, share=0.015, seed=5, costs=True)
    assert rows["label"].sum() < 30
    own = found["per_class"]["yes"]
    for name in ("precision", "recall", "specificity"):
        assert own[name]["ci95"] is not None
    for number in (own["pr_auc"], own["roc_auc"], own["f1"], found["mcc"], found["brier"], found["expected_cost"]):
        assert number["ci95"] is None
        assert number["note"] == "too few"
        assert number["value"] is not None
    hits, positives = own["recall"]["value"] * rows["label"].sum(), rows["label"].sum()
    low, high = own["recall"]["ci95"]
    assert high - low > 0.2  # Wilson's for about 20 rows
    assert hits <= positives


def test_all_right_is_not_certain() -> None:
    found, _ = binary(shift=30.0)
    own = found["per_class"]["yes"]
    for name in ("recall", "pr_auc", "roc_auc"):
        assert own[name]["value"] == 1.0
        assert 0.9 < own[name]["ci95"][0] < 0.99
        assert own[name]["ci95"][1] == 1.0


def test_groups_widen_intervals_and_few_groups_have_none() -> None:
    alone, _ = binary(seed=2)
    together, _ = binary(seed=2, groups=40)
    few, _ = binary(seed=2, groups=6)

    def width(split: dict[str, Any], name: str) -> float:
        low, high = split["per_class"]["yes"][name]["ci95"]
        return float(high - low)

    assert width(together, "pr_auc") != width(alone, "pr_auc")
    assert few["per_class"]["yes"]["pr_auc"] == {
        "value": pytest.approx(few["per_class"]["yes"]["pr_auc"]["value"]), "ci95": None, "note": "too few groups",
    }  # fmt: skip
    assert width(few, "recall") > width(together, "recall")


def test_a_class_that_is_absent_has_null_metrics() -> None:
    found, _ = binary(share=0.0)
    assert found["support"]["yes"] == 0
    assert found["absent_classes"] == ["yes"]
    for number in found["per_class"]["yes"].values():
        assert number == {"value": None, "ci95": None}
    assert found["brier"]["value"] is None
    assert found["accuracy"]["value"] is not None
    json.dumps(found, allow_nan=False)


def test_scores_that_are_no_probabilities_are_still_ranked() -> None:
    found, rows = binary(outside=True)
    assert found["brier"] == {"value": None, "ci95": None, "note": "the scores are not in [0, 1]"}
    expected = sk.average_precision_score(rows["label"], rows["score"])
    assert found["per_class"]["yes"]["pr_auc"]["value"] == pytest.approx(expected, abs=1e-9)


@cache
def multiclass(classes: tuple[str, ...], counts: tuple[int, ...], seed: int = 0) -> tuple[dict[str, Any], Any]:
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(classes)), counts)
    raw = rng.normal(size=(len(label), len(classes))) + 2.0 * np.eye(len(classes))[label]
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    guess = p.argmax(axis=1)
    bucket = rng.integers(0, 200, len(label))
    tables = {}
    for i, name in enumerate(classes):
        table = ScoreTable.from_rows(p[:, i], label == i)
        tables[name] = (table, BucketTable.from_rows(table, p[:, i], label == i, guess == i, bucket))
    pairs = Counter(zip(label.tolist(), guess.tolist(), strict=True))
    confusion: dict[str, dict[str, int]] = {}
    for (a, d), count in pairs.items():
        confusion.setdefault(classes[a], {})[classes[d]] = count
    return split_document(classes, None, confusion, tables, grouped=False), (label, p, guess)


def test_several_classes() -> None:
    classes = ("a", "b", "c")
    found, (label, p, guess) = multiclass(classes, (2000, 300, 60))
    assert set(found) == SPLIT | {"macro", "weighted"}
    assert found["mcc"]["value"] == pytest.approx(sk.matthews_corrcoef(label, guess), abs=1e-9)
    assert found["kappa"]["value"] == pytest.approx(sk.cohen_kappa_score(label, guess), abs=1e-9)
    assert found["brier"]["value"] == pytest.approx(sk.brier_score_loss(label, p), abs=1e-9)
    assert found["log_loss"]["value"] == pytest.approx(sk.log_loss(label, p), abs=1e-9)
    recall = sk.recall_score(label, guess, average=None)
    assert found["g_mean"]["value"] == pytest.approx(recall.prod() ** (1 / 3), abs=1e-9)
    one_hot = np.eye(3)[label]
    for mean in ("macro", "weighted"):
        expected = {
            "precision": sk.precision_score(label, guess, average=mean),
            "recall": sk.recall_score(label, guess, average=mean),
            "f1": sk.f1_score(label, guess, average=mean),
            "pr_auc": sk.average_precision_score(one_hot, p, average=mean),
            "roc_auc": sk.roc_auc_score(label, p, average=mean, multi_class="ovr"),
        }
        for name, value in expected.items():
            assert found[mean][name]["value"] == pytest.approx(value, abs=1e-9), (mean, name)
            assert found[mean][name]["ci95"][0] <= value <= found[mean][name]["ci95"][1]
    for name in ("iba", "expected_cost", "precision_at_k", "recall_at_precision_0.9"):
        assert found[name] == {"value": None, "ci95": None}
    json.dumps(found, allow_nan=False)


def test_an_absent_class_is_left_out_of_macro_means() -> None:
    found, (label, _, guess) = multiclass(("a", "b", "c"), (500, 100, 0))
    assert found["absent_classes"] == ["c"]
    recalls = [found["per_class"][name]["recall"]["value"] for name in ("a", "b")]
    assert found["macro"]["recall"]["value"] == pytest.approx(np.mean(recalls), abs=1e-12)
    assert found["balanced_accuracy"]["value"] == pytest.approx(np.mean(recalls), abs=1e-12)
    assert found["per_class"]["c"]["recall"]["value"] is None
    assert (guess == 2).any()  # decided though absent: counts as a mistake
    assert found["accuracy"]["value"] == pytest.approx((label == guess).mean())


def test_a_rare_class_leaves_macro_means_without_interval_but_not_weighted_ones() -> None:
    found, _ = multiclass(("a", "b", "c"), (2000, 300, 10))
    assert found["macro"]["recall"]["note"] == "too few"
    assert found["weighted"]["recall"]["ci95"] is not None
    assert found["per_class"]["c"]["recall"]["ci95"] is not None


def test_lookup_goes_from_class_to_split() -> None:
    found, _ = binary()
    assert lookup(found, "recall", "yes") == found["per_class"]["yes"]["recall"]
    assert lookup(found, "mcc", "yes") == found["mcc"]
    several, _ = multiclass(("a", "b", "c"), (500, 100, 50))
    assert lookup(several, "recall", None) == several["macro"]["recall"]
    assert lookup(several, "log_loss", None) == several["log_loss"]
    with pytest.raises(ConfigError, match=r"no metric 'pr_acu'. Did you mean 'pr_auc'\?"):
        lookup(found, "pr_acu", "yes")


def test_the_whole_document() -> None:
    found, _ = binary()
    whole = document("fraud", "r1", "yes", 0.2, {"test": found})
    assert list(whole) == ["pipeline", "run_id", "positive", "threshold", "splits"]
    assert json.loads(json.dumps(whole)) == whole


def test_curves_are_small_and_on_the_exact_ones() -> None:
    rng = np.random.default_rng(0)
    label = rng.random(50_000) < 0.01
    score = 1 / (1 + np.exp(4 - rng.normal(size=50_000) - 3 * label))
    cost = {"cost_fn": np.full(50_000, 10.0), "cost_fp": np.ones(50_000)}
    threshold = float(np.sort(score)[-700])
    curves = class_curves(ScoreTable.from_rows(score, label, None, **cost), threshold)
    assert len(json.dumps(curves, allow_nan=False)) < 100_000
    assert all(len(v) <= 401 for part in curves.values() if isinstance(part, dict) for v in part.values())
    at = curves["thresholds"]["threshold"].index(threshold)
    alarm = score >= threshold
    assert curves["thresholds"]["recall"][at] == pytest.approx(alarm[label].mean())
    assert curves["thresholds"]["precision"][at] == pytest.approx(label[alarm].mean())
    assert curves["thresholds"]["alarms"][at] == pytest.approx(alarm.mean())
    assert curves["thresholds"]["expected_cost"][at] == pytest.approx((10 * (label & ~alarm) + (~label & alarm)).mean())
    precision, recall, _ = sk.precision_recall_curve(label, score)
    for r, p in zip(curves["pr"]["recall"], curves["pr"]["precision"], strict=True):
        assert np.min(np.hypot(precision - p, recall - r)) < 1e-9
    area = np.trapezoid(curves["roc"]["tpr"], curves["roc"]["fpr"])
    assert area == pytest.approx(sk.roc_auc_score(label, score), abs=2e-3)
    assert sum(curves["calibration"]["share"]) == pytest.approx(1)
    assert sum(curves["histogram"]["positive"]) == pytest.approx(1)


def judged(score: Any, label: Any, alarm: Any, *, grouped: bool = False, bucket: Any = None, **more: Any) -> Any:
    """Return the split of rows with these scores, labels and decisions."""
    bucket = np.arange(len(label)) % 200 if bucket is None else bucket
    table = ScoreTable.from_rows(score, label, more.get("weight"), **{k: v for k, v in more.items() if k != "weight"})
    buckets = BucketTable.from_rows(table, score, label, alarm, bucket, **more)
    names = {False: "no", True: "yes"}
    counts = Counter(zip(label.tolist(), alarm.tolist(), strict=True))
    confusion = {names[a]: {names[d]: counts[a, d] for d in (False, True)} for a in (False, True)}
    return split_document(("no", "yes"), "yes", confusion, {"yes": (table, buckets)}, grouped=grouped)


@pytest.mark.parametrize("hits", [40, 39])
def test_where_nearly_all_positives_are_found_intervals_are_no_narrower_than_that_of_recall(hits: int) -> None:
    label = np.arange(10_000) < 40
    alarm = (np.arange(10_000) < hits) | (np.arange(10_000) % 211 == 210)
    found = judged(alarm.astype(float), label, alarm, bucket=np.random.default_rng(0).integers(0, 200, 10_000))
    own = found["per_class"]["yes"]
    missed = own["recall"]["value"] - own["recall"]["ci95"][0]
    assert missed > 0.08
    for number in (found["balanced_accuracy"], own["roc_auc"]):  # the area under one point is the balanced accuracy
        assert 0.044 < number["value"] - number["ci95"][0] < 0.09
    for name in ("g_mean", "mcc", "kappa", "iba"):
        assert found[name]["ci95"][0] < found[name]["value"] - 0.03, name
        assert found[name]["value"] <= found[name]["ci95"][1] <= 1


def test_macro_means_are_as_uncertain_as_the_rarest_class() -> None:
    label = np.repeat([0, 1, 2], [2000, 300, 40])
    guess = np.where((label == 0) & (np.arange(2340) % 10 == 0), 1, label)
    bucket = np.random.default_rng(0).integers(0, 200, 2340)
    tables = {}
    for i, name in enumerate("abc"):
        score = (guess == i).astype(float)
        table = ScoreTable.from_rows(score, label == i)
        tables[name] = (table, BucketTable.from_rows(table, score, label == i, guess == i, bucket))
    confusion = {"a": {"a": 1800, "b": 200}, "b": {"b": 300}, "c": {"c": 40}}
    found = split_document(("a", "b", "c"), None, confusion, tables, grouped=False)
    missed = 1 - found["per_class"]["c"]["recall"]["ci95"][0]
    for number in (found["macro"]["recall"], found["balanced_accuracy"]):
        assert number["value"] - number["ci95"][0] > missed / 3
    assert found["mcc"]["ci95"][0] < found["mcc"]["value"] < found["mcc"]["ci95"][1]


def test_calibrated_scores_have_a_calibration_error_of_0_within_the_interval() -> None:
    rng = np.random.default_rng(0)
    reached = 0
    for _ in range(4):
        p = 1 / (1 + np.exp(5 - 1.5 * rng.normal(size=5000)))
        found = judged(p, rng.random(5000) < p, p > 0.1)["ece"]
        reached += found["ci95"][0] == 0
    assert reached >= 3
    wrong = judged(p / 3, rng.random(5000) < p, p > 0.1)["ece"]
    assert wrong["ci95"][0] > 0


def test_few_heavy_rows_are_worth_few() -> None:
    rng = np.random.default_rng(0)
    label = np.arange(2000) < 60
    score = label + rng.normal(size=2000)
    weight = np.where(np.arange(2000) < 3, 1000.0, 1.0)
    found = judged(score, label, score > 0.5, weight=weight)
    low, high = found["per_class"]["yes"]["recall"]["ci95"]
    assert high - low > 0.5  # about three rows
    assert found["mcc"]["note"] == "too few"


def test_two_groups_give_no_interval_and_uneven_costs_an_approximate_one() -> None:
    rng = np.random.default_rng(0)
    label = np.arange(2000) < 200
    score = label + rng.normal(size=2000)
    found = judged(score, label, score > 0.5, grouped=True, bucket=np.arange(2000) % 2)
    for name in ("precision", "recall", "specificity"):
        assert found["per_class"]["yes"][name]["ci95"] is None
        assert found["per_class"]["yes"][name]["note"] == "too few groups"
    cost = {"cost_fn": np.exp(3 * rng.normal(size=2000)), "cost_fp": np.ones(2000)}
    uneven = judged(score, label, score > 0.5, **cost)["expected_cost"]
    assert uneven["note"] == "approximate" and uneven["ci95"] is not None

"""Threshold rules against a search over all scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from steelyard.dataset import Cost
from steelyard.deciding import Threshold, check_matrix, check_rule, choose_threshold
from steelyard.deciding._conformal import conformal_rank, conformal_threshold
from steelyard.errors import ConfigError, InputError
from steelyard.metrics import ScoreTable


def rows(seed: int = 0, n: int = 600) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.1
    score = np.round(20 / (1 + np.exp(2 - rng.normal(size=n) - 2 * label))) / 20
    return score, label, {"cost_fn": rng.exponential(30, n), "cost_fp": np.full(n, 3.0)}


METRICS = {
    "f1": sk.f1_score,
    "f2": lambda y, d: sk.fbeta_score(y, d, beta=2),
    "f_beta": lambda y, d: sk.fbeta_score(y, d, beta=3.5),
    "f0.5": lambda y, d: sk.fbeta_score(y, d, beta=0.5),
    "mcc": sk.matthews_corrcoef,
    "g_mean": lambda y, d: np.sqrt(sk.recall_score(y, d) * sk.recall_score(~y, ~d)),
    "balanced_accuracy": sk.balanced_accuracy_score,
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", [0, 1])
def test_maximize(metric: str, seed: int) -> None:
    score, label, _ = rows(seed)
    found = choose_threshold(
        ScoreTable.from_rows(score, label), {"maximize": {"f_beta": 3.5} if metric == "f_beta" else metric}
    )
    each = {t: METRICS[metric](label, score >= t) for t in np.unique(score)}
    best = max(each.values())
    assert found.value == max(t for t, v in each.items() if v >= best - 1e-12)
    assert found.achieved[metric] == pytest.approx(best)


def test_minimize_cost() -> None:
    score, label, cost = rows()
    found = choose_threshold(ScoreTable.from_rows(score, label, None, **cost), {"minimize": "cost"})

    def total(t: float) -> float:
        return float(np.where(label, (score < t) * cost["cost_fn"], (score >= t) * cost["cost_fp"]).mean())

    each = {t: total(t) for t in [*np.unique(score), 2.0]}
    assert found.value == min(each, key=lambda t: (each[t], -t))
    assert found.achieved["expected_cost"] == pytest.approx(min(each.values()))


def test_no_alarm_at_all_where_alarms_are_too_dear() -> None:
    score, label, cost = rows()
    score[np.flatnonzero(~label)[0]] = 0.999
    table = ScoreTable.from_rows(score, label, None, cost_fn=cost["cost_fn"], cost_fp=np.full(len(score), 1e6))
    found = choose_threshold(table, {"minimize": "cost"})
    assert not (score >= found.value).any()
    assert found.achieved["alarms"] == 0


def test_floors() -> None:
    score, label, _ = rows()
    table = ScoreTable.from_rows(score, label)
    points = {t: (sk.precision_score(label, score >= t), sk.recall_score(label, score >= t)) for t in np.unique(score)}
    found = choose_threshold(table, {"precision_at_least": 0.6})
    allowed = [(r, t) for t, (p, r) in points.items() if p >= 0.6]
    assert (found.achieved["recall"], found.value) == (pytest.approx(max(allowed)[0]), max(allowed)[1])
    assert found.note is None
    found = choose_threshold(table, {"recall_at_least": 0.8})
    allowed = [(p, t) for t, (p, r) in points.items() if r >= 0.8]
    assert (found.achieved["precision"], found.value) == (pytest.approx(max(allowed)[0]), max(allowed)[1])


def test_a_precision_that_cannot_be_had_is_said() -> None:
    score, label = np.array([0.9, 0.8, 0.8, 0.7, 0.1]), np.array([False, True, True, False, True])
    found = choose_threshold(ScoreTable.from_rows(score, label), {"precision_at_least": 0.95})
    assert found.value == 0.8
    assert found.note is not None
    assert "0.6667" in found.note


def test_a_given_value_is_kept() -> None:
    score, label, _ = rows()
    for value in (0.333, 0.5, -1.0, 7.0):
        found = choose_threshold(ScoreTable.from_rows(score, label), {"value": value})
        assert found.value == value
        assert found.achieved["alarms"] == pytest.approx((score >= value).mean())


def test_ties_take_the_highest_threshold() -> None:
    score, label = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    found = choose_threshold(ScoreTable.from_rows(score, label), {"recall_at_least": 0.5})
    assert found.value == 0.9
    tied = choose_threshold(
        ScoreTable.from_rows(np.array([0.9, 0.5, 0.4]), np.array([True, False, True])), {"maximize": "g_mean"}
    )
    assert tied.value == 0.9  # sqrt(1/2) at 0.9, 0 elsewhere


def test_weights_count() -> None:
    score, label = np.array([0.9, 0.8, 0.7]), np.array([True, False, True])
    light = choose_threshold(ScoreTable.from_rows(score, label, np.array([1.0, 0.1, 1.0])), {"maximize": "f1"})
    heavy = choose_threshold(ScoreTable.from_rows(score, label, np.array([1.0, 50.0, 1.0])), {"maximize": "f1"})
    assert (light.value, heavy.value) == (0.7, 0.9)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"maximise": "f1"}, r"no rule 'maximise'. Did you mean 'maximize'\?"),
        ({"maximize": "f3"}, r"'f3' is none of f1"),
        ({"minimize": "f1"}, "none of cost"),
        ({"minimize": "cost"}, "no costs are given"),
        ({"precision_at_least": 1.5}, "above 0 and up to 1, got 1.5"),
        ({"value": "high"}, "must be a number, got 'high'"),
        ({}, "give one rule"),
        ({"value": 0.5, "maximize": "f1"}, "give one rule"),
        ({"maximize": {"f_beta": 0}}, "f_beta: must be a number above 0"),
        ({"maximize": {"beta": 2}}, "is none of f1"),
        ("per_row_costs", r"must be per_row_cost .*got 'per_row_costs'. Did you mean 'per_row_cost'"),
        ({"per_row_cost": 1}, "takes no argument"),
        ("per_row_cost", "no costs are given"),
        ({"alerts": 50}, "must be a map with per, and at_most or top"),
        ({"alerts": {"per": "day", "at_most": 5, "top": 5}}, "at_most or top"),
        ({"alerts": {"per": "month", "top": 5}}, "per: must be one of hour, day, week, got 'month'"),
        ({"alerts": {"at_most": 5}}, "per: must be one of hour, day, week, got None"),
        ({"alerts": {"per": "day", "at_most": 0}}, "at_most: must be a whole number from 1, got 0"),
        ({"alerts": {"per": "day", "top": 2.5}}, "top: must be a whole number"),
        ({"alerts": {"per": "day", "at_most": 5, "confidence": 1}}, "confidence: must be a number above 0 and below 1"),
        ({"alerts": {"per": "day", "top": 5, "confidence": 0.9}}, "confidence: unknown key"),
        ({"conformal_recall": 1}, "must be a number above 0 and below 1, got 1"),
        ({"conformal_recall": {"recal": 0.9}}, "recal: unknown key.*recall"),
        ({"conformal_recall": {"confidence": 0.9}}, "recall: must be a number above 0 and below 1, got None"),
    ],
)
def test_wrong_rules_are_configuration_errors(rule: str | dict[str, Any], message: str) -> None:
    score, label, _ = rows()
    with pytest.raises(ConfigError, match=message):
        choose_threshold(ScoreTable.from_rows(score, label), rule)
    if rule not in ({"minimize": "cost"}, "per_row_cost"):
        with pytest.raises(ConfigError):
            check_rule(rule)


def test_alerts_and_conformal_recall_need_rows() -> None:
    score, label, _ = rows()
    for rule in ({"alerts": {"per": "day", "top": 3}}, {"conformal_recall": 0.9}):
        check_rule(rule)
        with pytest.raises(ConfigError, match="needs rows, not only a score table"):
            choose_threshold(ScoreTable.from_rows(score, label), rule)


def test_rules_that_compare_costs_need_them() -> None:
    for cost in (Cost(), Cost(false_negative="amount"), Cost(false_positive=2.0)):
        with pytest.raises(ConfigError, match="per_row_cost: needs both costs; set data.cost.false_negative and"):
            check_rule("per_row_cost", cost=cost)
    with pytest.raises(ConfigError, match="both costs are numbers.*minimize: cost"):
        check_rule("per_row_cost", cost=Cost(30.0, 2.0))
    assert check_rule("per_row_cost", cost=Cost("amount", 2.0)) == ("per_row_cost", None)
    with pytest.raises(ConfigError, match="minimize: no costs are given"):
        check_rule({"minimize": "cost"}, cost=Cost())
    assert check_rule({"minimize": "cost"}, cost=Cost(false_negative="amount")) == ("minimize", "cost")


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_conformal_recall_holds_over_calibration_sets(confidence: float | None) -> None:
    """On average over calibration sets, or in so many of them."""
    rng = np.random.default_rng(2)
    n, wanted = 120, 0.9
    recalls = []
    for _ in range(2000):
        score = np.sort(rng.random(n))  # of positives; uniform, so that the recall of a threshold is 1 less it
        recalls.append(1 - score[conformal_rank(n, wanted, confidence) - 1])
    if confidence is None:
        assert np.mean(recalls) == pytest.approx(wanted, abs=0.01) and np.mean(recalls) > wanted - 0.003
    else:
        assert 0.93 < np.mean(np.array(recalls) >= wanted) < 0.99
        assert conformal_rank(n, wanted, confidence) < conformal_rank(n, wanted)


def test_conformal_threshold_is_a_rank_among_positives() -> None:
    score, label, _ = rows(n=3000)
    table = ScoreTable.from_rows(score, label)
    own = np.sort(score[label])
    for wanted in (0.5, 0.9, 0.99):
        value = conformal_threshold(table, wanted)
        assert value == own[int((1 - wanted) * (len(own) + 1) + 1e-9) - 1]
    few = ScoreTable.from_rows(np.linspace(0, 1, 30), np.arange(30) < 18)
    with pytest.raises(InputError, match="recall of 0.95 needs at least 19 positive rows .* there are 18"):
        conformal_threshold(few, 0.95)
    with pytest.raises(InputError, match="needs at least 59 positive rows"):
        conformal_threshold(few, 0.95, 0.95)
    assert [conformal_rank(n, 0.95, 0.95) for n in (58, 59)] == [0, 1]


def test_a_cost_matrix_names_each_wrong_decision() -> None:
    whole = {"a": {"b": 1.0, "c": 2.0}, "b": {"a": 3.0, "c": 4.0}, "c": {"a": 5.0, "b": 6.0}}
    check_matrix(Cost(), ("a", "b"))
    check_matrix(Cost(matrix=whole), ("a", "b", "c"))
    for matrix, classes, said in (
        (whole, ("a", "b"), "no class 'c'"),
        ({"a": {"b": 1.0}}, ("a", "b"), "cost of deciding 'a' for class 'b' is missing"),
        (whole, ("a", "b", "c", "d"), "cost of deciding 'd' for class 'a' is missing"),
        ({**whole, "x": {}}, ("a", "b", "c"), "no class 'x'"),
        ({**whole, "c": {"a": 5.0}}, ("a", "b", "c"), "cost of deciding 'b' for class 'c' is missing"),
    ):
        with pytest.raises(ConfigError, match=f"data.cost.matrix.*{said}"):
            check_matrix(Cost(matrix=matrix), classes)


def test_one_class_only_is_an_input_error() -> None:
    with pytest.raises(InputError, match="all of one class"):
        choose_threshold(ScoreTable.from_rows(np.array([0.1, 0.2]), np.array([False, False])), {"maximize": "f1"})


def test_json_round_trip() -> None:
    score, label, _ = rows()
    found = choose_threshold(ScoreTable.from_rows(score, label), {"precision_at_least": 1.0})
    assert Threshold.from_json(found.to_json()) == found

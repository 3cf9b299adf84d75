"""A gain is the difference of two models on the same rows, and its interval that of paired differences."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from steelyard.errors import ConfigError
from steelyard.metrics import BucketTable, ScoreTable, get_metric, metric_names
from steelyard.metrics._bootstrap import Bootstrap
from steelyard.metrics._gain import ScoredSplit, gain

N = 6000


def rows(seed: int = 0, n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, buckets, and the probabilities of two models that see partly the same."""
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.04
    shared = rng.normal(size=n) + 2.0 * label
    scores = [1 / (1 + np.exp(3.5 - shared - noise * rng.normal(size=n))) for noise in (0.2, 0.9)]
    return label, rng.integers(0, 200, n), scores[0], scores[1]


def split(label: np.ndarray, bucket: np.ndarray, score: np.ndarray, *, costs: bool = True) -> ScoredSplit:
    amounts = {"cost_fn": np.full(len(label), 50.0), "cost_fp": np.full(len(label), 5.0)} if costs else {}
    table = ScoreTable.from_rows(score, label, None, **amounts)
    buckets = BucketTable.from_rows(table, score, label, score >= 0.1, bucket, **amounts)
    return ScoredSplit(("no", "yes"), "yes", {"yes": (table, buckets)}, grouped=False)


def test_each_metric_gains_what_it_differs_by_and_less_is_better_where_it_is() -> None:
    label, bucket, one, other = rows()
    sides = [split(label, bucket, score) for score in (one, other)]
    for name in metric_names():
        metric = get_metric(name)
        values = [side.estimate(metric).value for side in sides]
        found = gain(*sides, name)
        sign = 1 if metric.greater_is_better else -1
        assert found["value"] == pytest.approx(sign * (values[0] - values[1])), name
        assert found["ci95"][0] <= found["value"] <= found["ci95"][1], name
        assert gain(sides[1], sides[0], name)["value"] == pytest.approx(-found["value"]), name


def test_the_interval_is_that_of_resampled_rows_of_both_sides() -> None:
    label, bucket, one, other = rows()
    found = gain(split(label, bucket, one), split(label, bucket, other), "pr_auc")
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(150):
        picked = rng.integers(0, N, N)
        areas = [average_precision_score(label[picked], score[picked]) for score in (one, other)]
        drawn.append(areas[0] - areas[1])
    half = (found["ci95"][1] - found["ci95"][0]) / 2
    assert half == pytest.approx(1.98 * np.std(drawn), rel=0.2)


def test_a_model_gains_nothing_over_itself() -> None:
    label, bucket, one, _ = rows()
    same = gain(split(label, bucket, one), split(label, bucket, one.copy()), "pr_auc")
    assert same == {"value": 0.0, "ci95": [0.0, 0.0]}


def test_pairing_is_narrower_than_two_intervals() -> None:
    label, bucket, one, _ = rows()
    nearly = one * np.where(np.arange(N) % 50, 1.0, 0.9)
    sides = split(label, bucket, one), split(label, bucket, nearly)
    found, own = gain(*sides, "pr_auc"), sides[0].estimate(get_metric("pr_auc"))
    bootstrap: Bootstrap = sides[0].basis.bootstrap
    assert found["ci95"][1] - found["ci95"][0] < bootstrap.error(own)


def test_too_few_positives_and_no_costs_have_no_interval() -> None:
    label, bucket, one, other = rows(n=400)
    sides = [split(label, bucket, score, costs=False) for score in (one, other)]
    assert gain(*sides, "pr_auc")["ci95"] is None and gain(*sides, "pr_auc")["note"] == "too few"
    assert gain(*sides, "expected_cost") == {"value": None, "ci95": None}


def test_other_rows_are_refused() -> None:
    label, bucket, one, _ = rows()
    shorter = split(label[:-500], bucket[:-500], one[:-500])
    with pytest.raises(ConfigError, match="same rows"):
        gain(split(label, bucket, one), shorter, "pr_auc")

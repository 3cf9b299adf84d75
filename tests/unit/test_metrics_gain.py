"""A gain is the difference of two models on the same rows, and its interval that of paired differences."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import N, scored_split, two_models

from steelyard.errors import ConfigError
from steelyard.metrics import get_metric, metric_names
from steelyard.metrics._bootstrap import Bootstrap
from steelyard.metrics._gain import gain


def test_each_metric_gains_what_it_differs_by_and_less_is_better_where_it_is() -> None:
    label, bucket, one, other = two_models()
    sides = [scored_split(label, bucket, score) for score in (one, other)]
    for name in metric_names():
        metric = get_metric(name)
        values = [side.estimate(metric).value for side in sides]
        found = gain(*sides, name)
        sign = 1 if metric.greater_is_better else -1
        assert found["value"] == pytest.approx(sign * (values[0] - values[1])), name
        assert found["ci95"][0] <= found["value"] <= found["ci95"][1], name
        assert gain(sides[1], sides[0], name)["value"] == pytest.approx(-found["value"]), name


def test_a_model_gains_nothing_over_itself() -> None:
    label, bucket, one, _ = two_models()
    same = gain(scored_split(label, bucket, one), scored_split(label, bucket, one.copy()), "pr_auc")
    assert same == {"value": 0.0, "ci95": [0.0, 0.0]}


def test_pairing_is_narrower_than_two_intervals() -> None:
    label, bucket, one, _ = two_models()
    nearly = one * np.where(np.arange(N) % 50, 1.0, 0.9)
    sides = scored_split(label, bucket, one), scored_split(label, bucket, nearly)
    found, own = gain(*sides, "pr_auc"), sides[0].estimate(get_metric("pr_auc"))
    bootstrap: Bootstrap = sides[0].basis.bootstrap
    assert found["ci95"][1] - found["ci95"][0] < bootstrap.error(own)


def test_too_few_positives_and_no_costs_have_no_interval() -> None:
    label, bucket, one, other = two_models(n=400)
    sides = [scored_split(label, bucket, score, costs=False) for score in (one, other)]
    assert gain(*sides, "pr_auc")["ci95"] is None and gain(*sides, "pr_auc")["note"] == "too few"
    assert gain(*sides, "expected_cost") == {"value": None, "ci95": None}


def test_other_rows_are_refused() -> None:
    label, bucket, one, _ = two_models()
    shorter = scored_split(label[:-500], bucket[:-500], one[:-500])
    with pytest.raises(ConfigError, match="same rows"):
        gain(scored_split(label, bucket, one), shorter, "pr_auc")

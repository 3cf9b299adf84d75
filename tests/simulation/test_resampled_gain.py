"""The interval of a gain, against resampled rows. No JVM."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import N, scored_split, two_models
from sklearn.metrics import average_precision_score

from steelyard.metrics._gain import gain


def test_the_interval_is_that_of_resampled_rows_of_both_sides() -> None:
    label, bucket, one, other = two_models()
    found = gain(scored_split(label, bucket, one), scored_split(label, bucket, other), "pr_auc")
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(150):
        picked = rng.integers(0, N, N)
        areas = [average_precision_score(label[picked], score[picked]) for score in (one, other)]
        drawn.append(areas[0] - areas[1])
    half = (found["ci95"][1] - found["ci95"][0]) / 2
    assert half == pytest.approx(1.98 * np.std(drawn), rel=0.2)

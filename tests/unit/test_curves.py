"""Areas and points on curves against scikit-learn, with ties and weights, and certified bounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from steelyard.kernels import curves
from steelyard.metrics import ScoreTable

TOLERANCE = 1e-9


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, labels of both classes, weights some of which are 0."""
    n = draw(st.integers(4, 60))
    steps = draw(st.sampled_from([3, 10, 10**6]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    score = rng.integers(0, steps, n) / steps
    label = rng.random(n) < draw(st.sampled_from([0.05, 0.5, 0.9]))
    label[:2] = [True, False]
    weight = rng.choice([0.0, 0.25, 1.0, 3.7], n) if draw(st.booleans()) else np.ones(n)
    weight[:2] = 1.0
    return score, label, weight


@given(rows())
@settings(max_examples=60, deadline=None)
def test_areas_are_those_of_scikit_learn(data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    score, label, weight = data
    t = ScoreTable.from_rows(score, label, weight)
    expected = average_precision_score(label, score, sample_weight=weight)
    assert curves.average_precision(t.pos, t.neg) == pytest.approx(expected, abs=TOLERANCE)
    expected = roc_auc_score(label, score, sample_weight=weight)
    assert curves.roc_auc(t.pos, t.neg) == pytest.approx(expected, abs=TOLERANCE)


@given(rows())
@settings(max_examples=50, deadline=None)
def test_recall_at_precision_is_the_best_point_of_scikit_learns_curve(
    data: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    score, label, _ = data
    t = ScoreTable.from_rows(score, label)
    precision, recall, _ = precision_recall_curve(label, score)
    for floor in (0.3, 0.9):
        assert curves.recall_at_precision(t.pos, t.neg, floor) == pytest.approx(recall[precision >= floor].max())


def test_draws_run_over_leading_axes() -> None:
    rng = np.random.default_rng(0)
    pos, neg = rng.random((2, 5, 20))
    for function in (curves.average_precision, curves.roc_auc, lambda p, n: curves.recall_at_precision(p, n, 0.5)):
        together = function(pos, neg)
        assert together == pytest.approx([float(function(p, n)) for p, n in zip(pos, neg, strict=True)])


def test_without_positives_areas_are_undefined() -> None:
    nothing, some = np.zeros(3), np.ones(3)
    assert np.isnan(curves.average_precision(nothing, some))
    assert np.isnan(curves.roc_auc(nothing, some))
    assert np.isnan(curves.roc_auc(some, nothing))
    assert np.isnan(curves.recall_at_precision(nothing, some, 0.9))


def test_precision_at_k_is_the_expectation_over_tied_rows() -> None:
    score = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    label = np.array([True, True, False, False, True])
    t = ScoreTable.from_rows(score, label)
    for k in range(1, 6):
        taken = [
            np.mean(label[list(order[:k])])
            for order in itertools.permutations(range(5))
            if (np.diff(score[list(order)]) <= 0).all()
        ]
        assert float(curves.precision_at_k(t.pos, t.neg, k)) == pytest.approx(np.mean(taken))


@given(rows(), st.integers(2, 8))
@settings(max_examples=60, deadline=None)
def test_bounds_of_ranges_hold_the_exact_values(data: tuple[np.ndarray, np.ndarray, np.ndarray], width: int) -> None:
    score, label, weight = data
    exact = ScoreTable.from_rows(score, label, weight)
    starts = np.arange(0, len(exact), width)
    ends = np.append(starts[1:], len(exact)) - 1
    pos, neg = np.add.reduceat(exact.pos, starts), np.add.reduceat(exact.neg, starts)
    tied = exact.high[starts] == exact.low[ends]
    k = float(exact.pos.sum())
    cases = [
        (curves.average_precision(exact.pos, exact.neg), curves.average_precision_bounds(pos, neg, tied)),
        (curves.roc_auc(exact.pos, exact.neg), curves.roc_auc_bounds(pos, neg, tied)),
        (curves.precision_at_k(exact.pos, exact.neg, k), curves.precision_at_k_bounds(pos, neg, k, tied)),
        (
            curves.recall_at_precision(exact.pos, exact.neg, 0.9),
            (curves.recall_at_precision(pos, neg, 0.9), curves.recall_at_precision_bound(pos, neg, 0.9)),
        ),
    ]
    for value, (low, high) in cases:
        assert low - 1e-12 <= value <= high + 1e-12


def test_bounds_close_where_ranges_are_single_scores() -> None:
    t = ScoreTable.from_rows(np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, False, True, False]))
    for bounds, value in (
        (curves.average_precision_bounds, curves.average_precision),
        (curves.roc_auc_bounds, curves.roc_auc),
    ):
        assert bounds(t.pos, t.neg, t.tied) == pytest.approx([float(value(t.pos, t.neg))] * 2)

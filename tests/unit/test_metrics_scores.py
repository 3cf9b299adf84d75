"""Scores of decisions and of probabilities against scikit-learn and imbalanced-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score, make_index_balanced_accuracy
from sklearn import metrics as sk

from steelyard.kernels import reliability, scores
from steelyard.metrics import ConfusionCounts, MulticlassCounts, ScoreTable, get_metric

TOLERANCE = 1e-9


@st.composite
def decided(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, classes = draw(st.integers(5, 80)), draw(st.sampled_from([2, 2, 3, 5]))
    actual = rng.integers(0, classes, n)
    actual[:classes] = np.arange(classes)
    guessed = np.where(rng.random(n) < draw(st.sampled_from([0.0, 0.5, 0.9])), actual, rng.integers(0, classes, n))
    weight = rng.choice([0.5, 1.0, 2.25], n) if draw(st.booleans()) else np.ones(n)
    return actual, guessed, weight, classes


@given(decided())
@settings(max_examples=20, deadline=None)
def test_decisions(data: tuple[np.ndarray, np.ndarray, np.ndarray, int]) -> None:
    actual, guessed, weight, classes = data
    table = sk.confusion_matrix(actual, guessed, sample_weight=weight, labels=range(classes)).astype(float)
    hits, predicted, support = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    counts = MulticlassCounts(hits, predicted, support)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": sk.accuracy_score(actual, guessed, sample_weight=weight),
            "balanced_accuracy": sk.balanced_accuracy_score(actual, guessed, sample_weight=weight),
            "g_mean": geometric_mean_score(actual, guessed, sample_weight=weight, average="multiclass"),
            "mcc": sk.matthews_corrcoef(actual, guessed, sample_weight=weight),
            "kappa": sk.cohen_kappa_score(actual, guessed, sample_weight=weight),
        }
        each = {
            "precision": sk.precision_score(actual, guessed, sample_weight=weight, average=None),
            "recall": sk.recall_score(actual, guessed, sample_weight=weight, average=None),
            "f1": sk.f1_score(actual, guessed, sample_weight=weight, average=None),
            "f2": sk.fbeta_score(actual, guessed, beta=2, sample_weight=weight, average=None),
        }
    for name, value in expected.items():
        assert float(get_metric(name).value(counts)) == pytest.approx(float(value), abs=TOLERANCE), name
    total = support.sum()
    own = ConfusionCounts(hits, predicted - hits, support - hits, total - predicted - support + hits)
    for name, values in each.items():
        assert get_metric(name).value(own) == pytest.approx(values, abs=TOLERANCE), name


def test_iba_is_that_of_imbalanced_learn_with_binary_average() -> None:
    rng = np.random.default_rng(1)
    actual = rng.random(500) < 0.2
    guessed = np.where(rng.random(500) < 0.7, actual, ~actual)
    tp, fn = (actual & guessed).sum(), (actual & ~guessed).sum()
    fp, tn = (~actual & guessed).sum(), (~actual & ~guessed).sum()
    own = ConfusionCounts(*(np.array(float(x)) for x in (tp, fp, fn, tn)))
    for alpha in (0.1, 0.5):
        score = make_index_balanced_accuracy(alpha=alpha, squared=True)(geometric_mean_score)
        expected = score(actual, guessed, average="binary")
        found = scores.index_balanced_accuracy(own.recall, own.specificity, alpha)
        assert float(found) == pytest.approx(expected, abs=TOLERANCE)
    assert own.recall != pytest.approx(own.specificity, abs=1e-3)  # else alpha wouldn't matter


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([4, 10**6]))
@settings(max_examples=50, deadline=None)
def test_losses(seed: int, weighted: bool, steps: int) -> None:
    rng = np.random.default_rng(seed)
    n = 50
    score, label = rng.integers(0, steps + 1, n) / steps, rng.random(n) < 0.3
    label[:2] = [True, False]
    weight = rng.choice([0.1, 1.0, 5.0], n) if weighted else np.ones(n)
    t = ScoreTable.from_rows(score, label, weight)
    brier = reliability.mean_loss(reliability.squared_losses(t.score), t.pos, t.neg)
    assert float(brier) == pytest.approx(sk.brier_score_loss(label, score, sample_weight=weight), abs=TOLERANCE)
    log_loss = reliability.mean_loss(reliability.log_losses(t.score), t.pos, t.neg)
    assert float(log_loss) == pytest.approx(sk.log_loss(label, score, sample_weight=weight), rel=TOLERANCE)


def test_calibration_error_by_hand() -> None:
    score = np.repeat([0.9, 0.6, 0.2, 0.1], 25)
    label = np.concatenate([np.arange(25) < k for k in (25, 10, 5, 0)])
    t = ScoreTable.from_rows(score, label)
    four = reliability.mass_bins(t.size, 4)
    assert four.tolist() == [0, 1, 2, 3]
    found = reliability.calibration_error(t.score, t.pos, t.neg, four)
    assert float(found) == pytest.approx((0.1 + 0.2 + 0.0 + 0.1) / 4)
    two = reliability.mass_bins(t.size, 2)
    found = reliability.calibration_error(t.score, t.pos, t.neg, two)
    assert float(found) == pytest.approx((0.05 + 0.05) / 2)


def test_mass_bins_spread_a_rare_top() -> None:
    sizes = np.concatenate([np.ones(100), np.full(1, 900.0)])
    bins = reliability.mass_bins(sizes, 10)
    assert bins[0] == 0
    assert bins[-1] == 5  # a row is never divided: it goes where its middle lies
    assert (np.diff(bins) >= 0).all()

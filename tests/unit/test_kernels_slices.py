"""Errors of slices: SliceLine's score by its formula, and p-values that chance alone rarely makes small."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.kernels.slices import ALPHA, slice_errors


def test_the_score_is_that_of_the_formula_on_rows() -> None:
    rng = np.random.default_rng(0)
    label = rng.random(5000) < 0.1
    wrong = rng.random(5000) < np.where(label, 0.4, 0.05)
    inside = rng.random(5000) < 0.2
    error = wrong / np.where(label, label.sum(), (~label).sum())  # each class has the weight 1
    mass = 1 / np.where(label, label.sum(), (~label).sum())
    overall, own = error.sum() / mass.sum(), error[inside].sum() / mass[inside].sum()
    expected = ALPHA * (own / overall - 1) - (1 - ALPHA) * (5000 / inside.sum() - 1)
    counts = [
        [(of & ~label & at).sum(), (of & label & at).sum()]
        for of in (label | True, wrong)
        for at in (inside, label | True)
    ]
    found = slice_errors(np.array([counts[0]]), np.array([counts[2]]), np.array(counts[1]), np.array(counts[3]))
    assert found.error[0] == pytest.approx(own) and found.score[0] == pytest.approx(expected)


def test_chance_alone_rarely_makes_a_small_p_value_and_a_cause_does() -> None:
    rng = np.random.default_rng(1)
    n, draws = 4000, 2000
    label = rng.random(n) < 0.05
    wrong = rng.random(n) < np.where(label, 0.3, 0.02)
    totals = [np.array([(of & ~label).sum(), (of & label).sum()]) for of in (label | True, wrong)]
    inside = rng.random((draws, n)) < rng.uniform(0.02, 0.5, (draws, 1))
    counts = [
        np.stack([(inside & of & ~label).sum(axis=1), (inside & of & label).sum(axis=1)], axis=1)
        for of in (label | True, wrong)
    ]
    p = slice_errors(*counts, *totals).p_value
    assert (p < 0.05).mean() < 0.06 and (p < 0.001).mean() < 0.004
    cause = wrong | (rng.random(n) < 0.1)
    odd = np.array([[(cause & ~label).sum(), (cause & label).sum()]])
    assert slice_errors(odd, odd - [[5, 1]], *totals).p_value[0] < 1e-9


def test_without_errors_or_rows_of_a_class_nothing_is_worse() -> None:
    rows, none = np.array([[40, 0], [60, 10]]), np.zeros((2, 2), dtype=int)
    found = slice_errors(rows, none, rows.sum(axis=0), none.sum(axis=0))
    assert (found.p_value == 1).all() and (found.score < 0).all() and (found.error == 0).all()


def test_a_few_rows_of_the_rare_class_prove_nothing() -> None:
    totals = np.array([2898, 102]), np.array([170, 9])
    p = slice_errors(np.array([[32, 2], [800, 40]]), np.array([[2, 2], [40, 9]]), *totals).p_value
    assert p[0] == pytest.approx(2 * (9 / 102) ** 2) and p[1] == pytest.approx(2 * tail(9, 40, 9 / 102))


def tail(least: int, n: int, p: float) -> float:
    from scipy.stats import binom

    return float(binom.sf(least - 1, n, p))

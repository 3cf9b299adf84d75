"""Venn-Abers intervals: the kernel against two isotonic regressions for each score, and the steps; no JVM."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from steelyard.deciding import ENDS, VennAbers, check_uncertainty, fit_venn_abers
from steelyard.deciding._venn_abers import StepFunction
from steelyard.errors import ConfigError, InputError
from steelyard.kernels.arrays import Floats
from steelyard.metrics import ScoreTable


def by_definition(score: Floats, label: Floats, new: float, weight: Floats, added: tuple[float, float]) -> list[float]:
    """Return the values at a new score of the isotonic regressions with it as a negative and as a positive."""
    found = []
    for y, w in enumerate(added):
        scores, place = np.unique(np.append(score, new), return_inverse=True)
        size = np.bincount(place, np.append(weight, w))
        hits = np.bincount(place, np.append(label * weight, y * w))
        fit = isotonic_regression(hits / size, weights=size).x
        found.append(float(fit[np.searchsorted(scores, new)]))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_intervals_are_the_values_of_two_isotonic_regressions(seed: int) -> None:
    """At calibration scores, between them, and outside; with ties, weights and tables of one class."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    score = np.round(rng.random(n), 1 if seed % 2 else 6)
    label = (rng.random(n) < [0.0, 0.2, score, 1.0][seed % 4]).astype(float)
    weight = rng.uniform(0.1, 3, n) if seed % 3 == 0 else np.ones(n)
    of = fit_venn_abers(ScoreTable.from_rows(score, label == 1, weight))
    added = tuple(float(weight[label == c].mean()) if (label == c).any() else 1.0 for c in (0, 1))
    new = np.unique(np.concatenate([score, (score[:-1] + score[1:]) / 2, [-1.0, 0.0, 1.0, 2.0]]))
    expected = np.array([by_definition(score, label, s, weight, added) for s in new])
    low, high = of.low.apply_numpy(new), of.high.apply_numpy(new)
    assert np.allclose(low, expected[:, 0], atol=1e-12) and np.allclose(high, expected[:, 1], atol=1e-12)
    assert (low <= high).all() and (np.diff(low) >= 0).all() and (np.diff(high) >= 0).all()
    assert VennAbers.from_json(json.loads(json.dumps(of.to_json()))) == of


def test_a_row_that_is_added_is_calibrated_and_few_rows_give_wide_intervals() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for n in (50, 500, 5000):
        p = rng.beta(0.5, 5, n + 4000)
        y = rng.random(len(p)) < p
        of = fit_venn_abers(ScoreTable.from_rows(p[:n] ** 2, y[:n]))  # the score is no probability
        low, high = (f.apply_numpy(p[n:] ** 2) for f in (of.low, of.high))
        assert low.mean() - 0.02 < y[n:].mean() < high.mean() + 0.02
        widths.append(float((high - low).mean()))
    assert widths[0] > 3 * widths[1] > 9 * widths[2]


def test_many_steps_are_thinned_to_an_interval_that_holds_theirs() -> None:
    rng = np.random.default_rng(3)
    steps = StepFunction.of(np.sort(rng.random(5000)), np.sort(rng.random(5001)))
    x = rng.random(20_000)
    for down in (True, False):
        thin = steps.thinned(down=down)
        gap = (steps.apply_numpy(x) - thin.apply_numpy(x)) * (1 if down else -1)
        assert len(thin.edges) == 1024 and gap.min() >= 0 and gap.max() < 0.01


def test_factors_on_weights_change_nothing_and_rows_without_weight_do_not_count() -> None:
    score, label = np.array([0.1, 0.2, 0.3, 0.3, 0.9]), np.array([0, 1, 0, 1, 1], bool)
    plain = fit_venn_abers(ScoreTable.from_rows(score, label))
    heavy = fit_venn_abers(ScoreTable.from_rows(score, label, np.full(5, 8.0)))
    assert heavy == plain
    more = ScoreTable.from_rows(np.append(score, 0.5), np.append(label, False), np.append(np.ones(5), 0.0))
    assert fit_venn_abers(more).low.edges == plain.low.edges
    with pytest.raises(InputError, match="needs validation rows with a weight"):
        fit_venn_abers(ScoreTable.from_rows(score, label, np.zeros(5)))


def test_several_classes_are_refused() -> None:
    check_uncertainty("none", ("a", "b", "c"))
    with pytest.raises(ConfigError, match=r"decide.uncertainty: venn_abers is for two classes, and the label has 3"):
        check_uncertainty("venn_abers", ("a", "b", "c"))
    assert ENDS == ("probability_low", "probability_high")

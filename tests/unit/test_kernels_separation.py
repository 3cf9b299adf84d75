"""How well single features separate two groups, and how unequal classes are."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_selection import f_classif
from sklearn.metrics import roc_auc_score

from steelyard.kernels.intervals import finite_wilson, wilson
from steelyard.kernels.separation import fisher_ratio, level_area, levels_of, roc_area


def groups(n: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return (rng.random(n) < share).astype(float), rng


def test_area_is_scikit_learn_s_with_ties_and_weights() -> None:
    y, rng = groups(500, 0.2)
    x, weight = np.round(rng.normal(size=500) + y, 1), rng.integers(1, 6, 500)
    assert roc_area(x, y * weight, (1 - y) * weight) == pytest.approx(
        roc_auc_score(y, x, sample_weight=weight), abs=1e-12
    )


def test_levels_find_what_no_direction_does_and_many_levels_separate_nothing_by_chance() -> None:
    y, rng = groups(4000, 0.05)
    inside = np.where(y == 1, rng.uniform(-0.1, 0.1, 4000), rng.choice([-1, 1], 4000) * rng.uniform(0.2, 3, 4000))
    assert abs(roc_area(inside, y, 1 - y) - 0.5) < 0.1
    assert level_area(levels_of(inside), y, 1 - y) > 0.97
    assert abs(level_area(rng.permutation(4000), y, 1 - y) - 0.5) < 0.05, "each row a level of its own"
    assert abs(level_area(rng.integers(0, 800, 4000), y, 1 - y) - 0.5) < 0.08
    assert level_area(np.zeros(4000, int), y, 1 - y) == 0.5


def test_missing_is_a_level_and_few_values_keep_their_own() -> None:
    assert levels_of(np.array([3.0, np.nan, 1.0, 3.0])).tolist() == [3, 0, 2, 3]
    assert len(set(levels_of(np.arange(1000.0)).tolist())) == 64


def test_fisher_ratio_is_the_f_statistic_in_other_words() -> None:
    y, rng = groups(300, 0.3)
    x = rng.normal(size=300) + 0.8 * y
    f = f_classif(x[:, None], y)[0][0]
    assert fisher_ratio(x, y, 1 - y) == pytest.approx(f / (300 - 2), rel=1e-9)
    assert fisher_ratio(x + 1e6, y, 1 - y) == pytest.approx(f / (300 - 2), rel=1e-6)
    gaps = np.where(rng.random(300) < 0.2, np.nan, x)
    known = ~np.isnan(gaps)
    assert fisher_ratio(gaps, y, 1 - y) == fisher_ratio(x[known], y[known], 1 - y[known])
    assert fisher_ratio(np.full(300, 0.1), y, 1 - y) == 0.0 and fisher_ratio(y, y, 1 - y) == np.inf
    assert fisher_ratio(np.full(300, np.nan), y, 1 - y) == 0.0


def test_an_interval_of_a_finite_number_of_rows() -> None:
    assert finite_wilson(0.3, 50, 50) == (0.3, 0.3)
    assert finite_wilson(0.3, 50, 10**9) == pytest.approx(wilson(0.3, 50), abs=1e-6)
    low, high = finite_wilson(0.3, 50, 60)
    assert wilson(0.3, 50)[0] < low < 0.3 < high < wilson(0.3, 50)[1]
    # It holds the true share of a drawn population about as often as it says.
    rng = np.random.default_rng(0)
    population = np.repeat([1, 0], [90, 210])
    shares = [rng.choice(population, 100, replace=False).mean() for _ in range(2000)]
    held = [low <= 0.3 <= high for low, high in (finite_wilson(s, 100, 300) for s in shares)]
    assert 0.93 < np.mean(held) < 0.98

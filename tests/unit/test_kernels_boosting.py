"""The formulas of boosting and of self-paced draws."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.kernels.boosting import LEAST, self_paced_quotas, step
from steelyard.learning._synthetic import with_synthetic


def test_steps_follow_the_error() -> None:
    found = step(0.1, "m2")
    assert found is not None and found.vote == found.rate == pytest.approx(np.log(9))
    half = step(0.1, "samme", 0.5)
    assert half is not None and half.vote == pytest.approx(np.log(9) / 2)
    assert step(0.5, "m2") is None and step(0.7, "samme") is None
    assert step(0.0, "m2") == step(LEAST, "m2")


@pytest.mark.parametrize("alpha", [0.0, 0.3, 5.0, 1e12])
def test_quotas_are_exact_and_possible(alpha: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        counts = rng.integers(0, 40, rng.integers(1, 8)).tolist()
        wanted = int(rng.integers(0, sum(counts) + 1))
        found = self_paced_quotas(rng.random(len(counts)).tolist(), counts, wanted, alpha)
        assert sum(found) == wanted and all(0 <= n <= most for n, most in zip(found, counts, strict=True))


def test_easy_bins_give_most_at_first_and_all_the_same_at_the_end() -> None:
    means, counts = [0.05, 0.25, 0.8], [1000, 1000, 1000]
    first, last = (self_paced_quotas(means, counts, 300, alpha) for alpha in (0.0, 1e9))
    assert first[0] > 4 * first[1] and first[1] > 3 * first[2] and max(last) - min(last) <= 1


def test_synthetic_rows_lie_between_rows_of_their_class() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)).astype(np.float32)
    x[:20, 0] = np.linspace(10, 11, 20)
    x[:20, 1] = 2 * x[:20, 0]
    y = np.array([1.0] * 20 + [0.0] * 40)
    order = rng.permutation(60)
    weight = np.where(y == 1, 3.0, 1.0)
    made, labels, weights = with_synthetic(x[order], y[order], weight[order], seed=1, label=1, rows=30, k=5)
    assert made.shape == (90, 2) and np.array_equal(made[:60], x[order]) and (labels[60:] == 1).all()
    assert (weights[60:] == 3).all() and made[60:, 0].min() >= 10 and made[60:, 0].max() <= 11
    assert np.allclose(made[60:, 1], 2 * made[60:, 0], rtol=1e-5) and len(np.unique(made[60:, 0])) > 20

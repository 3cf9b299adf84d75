"""Groups of many rows, in which neighbours are searched. No JVM."""

from __future__ import annotations

import numpy as np
from simulated import around_centres, by_feature

from steelyard.kernels._groups import Groups
from steelyard.kernels.distance import Distance
from steelyard.kernels.knn import share_compared


def test_most_pairs_are_left_out_where_rows_lie_around_centres() -> None:
    rng = np.random.default_rng(3)
    rows = around_centres(rng, 8192, 6)
    assert share_compared(rows, 5) < 0.15
    assert share_compared(rng.normal(size=(8192, 30)), 5) > 0.95
    codes = np.column_stack([rows, rng.integers(0, 3, len(rows))])
    assert share_compared(codes, 5, Distance(nominal=1, penalty=400.0)) < 0.15
    assert share_compared(rows, 5, Distance("manhattan")) == 1.0 == share_compared(rows[:0], 5)


def test_groups_of_many_rows_are_larger_and_fewer() -> None:
    rng = np.random.default_rng(5)
    few, many = (len(Groups(by_feature(rng.normal(size=(n, 2))), n)._sizes) for n in (20_000, 320_000))
    assert few in range(15, 20) and many in range(150, 189)

"""Modes against SciPy's."""

from __future__ import annotations

import numpy as np
from scipy import stats

from steelyard.kernels.modes import mode_places


def test_the_commonest_value_and_of_equally_common_ones_the_first() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (500, 5))
    places = mode_places(codes)
    chosen = codes[np.arange(500), places]
    counts = (codes == chosen[:, None]).sum(axis=1)
    assert np.array_equal(counts, stats.mode(codes, axis=1).count)
    for row, place in zip(codes, places, strict=True):
        tied = [v for v in row if (row == v).sum() == (row == row[place]).sum()]
        assert row[place] == tied[0]


def test_lists_end_and_may_be_empty() -> None:
    assert mode_places(np.array([[1, -1, -1], [-1, -1, -1]])).tolist() == [0, 0]
    assert mode_places(np.empty((2, 0), dtype=np.int64)).tolist() == [0, 0]

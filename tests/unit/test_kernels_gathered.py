"""Neighbours gathered from parts are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.kernels.gathered import Gathered
from steelyard.kernels.knn import NOBODY, nearest


@pytest.mark.parametrize("parts", [1, 3, 40])
def test_parts_give_what_the_whole_gives(parts: int) -> None:
    rng = np.random.default_rng(0)
    rows, ids = rng.integers(0, 4, (60, 2)).astype(float), rng.permutation(10**6)[:60]
    queries, asked = rows[:7], ids[:7]
    gathered = Gathered(7, 5)
    for part in np.array_split(np.arange(60), parts):
        gathered.add(nearest(queries, asked, rows[part], ids[part], 5), ids[part], part)
    whole = nearest(queries, asked, rows, ids, 5)
    assert np.array_equal(gathered.ids, whole.ids) and np.array_equal(gathered.totals, whole.totals)
    assert np.array_equal(ids[gathered.carried], gathered.ids), "what is carried belongs to its row"


def test_lists_that_never_fill_end_with_nobody() -> None:
    gathered = Gathered(1, 4)
    rows, ids = np.array([[0.0], [3.0]]), np.array([5, 9])
    gathered.add(nearest(rows[:1], ids[:1], rows, ids, 4), ids, np.array([7, 8]))
    assert gathered.ids.tolist() == [[9, NOBODY, NOBODY, NOBODY]]
    assert [part.tolist() for part in gathered.listed()] == [[0], [9.0], [9], [8]]

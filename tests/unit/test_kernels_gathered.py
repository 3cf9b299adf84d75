"""Neighbours gathered from parts are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from steelyard.kernels.distance import Distance
from steelyard.kernels.gathered import Gathered
from steelyard.kernels.knn import NOBODY, nearest

Rows = NDArray[np.float64]


def coarse(rng: np.random.Generator) -> Rows:
    """Return rows that repeat, so that many distances are equal."""
    return rng.integers(0, 4, (300, 2)).astype(float)


def far_off(rng: np.random.Generator) -> Rows:
    """Return rows whose differences single precision does not see."""
    return 1e9 + rng.normal(size=(300, 3))


def of_all_sizes(rng: np.random.Generator) -> Rows:
    """Return rows that overflow single precision, and tiny ones."""
    return rng.normal(size=(300, 2)) * 10.0 ** rng.integers(-60, 60, (300, 1))


def constant(rng: np.random.Generator) -> Rows:
    """Return rows that are all equal."""
    return np.ones((300, 2))


@pytest.mark.parametrize("parts", [1, 3, 20])
@pytest.mark.parametrize("nominal", [0, 1, 2])
@pytest.mark.parametrize("rows_of", [coarse, far_off, of_all_sizes, constant])
def test_parts_give_what_the_whole_gives(rows_of, nominal: int, parts: int) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(parts)
    rows, ids = rows_of(rng), rng.permutation(10**6)[:300]
    rows[:, rows.shape[1] - nominal :] = rng.integers(0, 3, (300, nominal))
    distance = Distance(nominal=nominal, penalty=0.5)
    queries, asked = rows[:7], ids[:7]
    gathered = Gathered(queries, asked, 5, distance=distance)
    for part in np.array_split(np.arange(300), parts):
        gathered.look(rows[part], ids[part], part)
    whole = nearest(queries, asked, rows, ids, 5, distance=distance)
    assert np.array_equal(gathered.ids, whole.ids) and np.array_equal(gathered.totals, whole.totals)
    assert np.array_equal(ids[gathered.carried], gathered.ids), "what is carried belongs to its row"


@pytest.mark.parametrize("distance", [Distance("manhattan"), Distance("vdm", classes=2)], ids=lambda d: d.name)
def test_distances_that_no_float32_bounds(distance: Distance) -> None:
    rng = np.random.default_rng(0)
    rows, ids = rng.normal(size=(60, 4)), np.arange(60)
    gathered = Gathered(rows[:7], ids[:7], 5, distance=distance)
    for part in np.array_split(ids, 4):
        gathered.look(rows[part], ids[part], part)
    assert np.array_equal(gathered.ids, nearest(rows[:7], ids[:7], rows, ids, 5, distance=distance).ids)


def test_few_rows_of_many_are_compared_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows, ids, compared = rng.normal(size=(40_000, 6)), np.arange(40_000), []
    gathered = Gathered(rows[:20], ids[:20], 5)
    exact = Distance.totals
    for part in np.array_split(ids, 8):
        gathered.look(rows[part], ids[part], part)
        monkeypatch.setattr(
            Distance, "totals", lambda self, q, c, w: (compared.append(w.size), exact(self, q, c, w))[1]
        )
    assert np.array_equal(gathered.ids, nearest(rows[:20], ids[:20], rows, ids, 5).ids)
    assert sum(compared[:7]) < 20 * 5 * 8, "of 700,000 pairs"


def test_lists_that_never_fill_end_with_nobody() -> None:
    rows, ids = np.array([[0.0], [3.0]]), np.array([5, 9])
    gathered = Gathered(rows[:1], ids[:1], 4)
    gathered.look(rows, ids, np.array([7, 8]))
    assert gathered.ids.tolist() == [[9, NOBODY, NOBODY, NOBODY]]
    assert [part.tolist() for part in gathered.listed()] == [[0], [9.0], [9], [8]]

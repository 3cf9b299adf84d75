"""Cells: what visits find is what they were measured to find, on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from steelyard.kernels.cells import Cells, k_means, near_centroids, recalls
from steelyard.kernels.knn import NOBODY, nearest


def clustered(n: int = 3000) -> Any:
    rng = np.random.default_rng(0)
    return rng.normal(0, 4, (12, 6))[rng.integers(0, 12, n)] + rng.normal(size=(n, 6))


def test_centroids_are_of_their_rows() -> None:
    rows = clustered()
    centroids = k_means(rows, 40)
    cell = Cells(centroids, 3).of(rows)
    direct = np.square(rows[:, None] - centroids[None]).sum(axis=2)
    assert np.array_equal(cell, direct.argmin(axis=1))
    assert np.array_equal(Cells(centroids, 3).visited(rows), np.argsort(direct, axis=1)[:, :3])
    assert np.array_equal(k_means(rows, 40), centroids)
    assert len(k_means(np.zeros((10, 2)), 4)) == 1


def test_the_recall_that_was_measured_is_what_is_found() -> None:
    rows, ids = clustered(), np.arange(3000)
    centroids = k_means(rows, 40)
    exact = nearest(rows, ids, rows, ids, 5)
    expected = recalls(near_centroids(rows, centroids, len(centroids)), Cells(centroids, 1).of(rows)[exact.ids])
    assert (np.diff(expected.mean(axis=0)) >= 0).all() and (expected[:, -1] == 1).all()
    for probes in (1, 3, 40):
        found = nearest(rows, ids, rows, ids, 5, visits=Cells(centroids, probes).visits(rows, rows))
        hits = (exact.ids[:, :, None] == found.ids[:, None, :]).any(axis=2).mean(axis=1)
        np.testing.assert_allclose(hits, expected[:, probes - 1], err_msg=f"{probes} probes")
    assert np.array_equal(found.ids, exact.ids) and np.array_equal(found.totals, exact.totals)


def test_engines_agree_in_cells_also_where_float32_fails() -> None:
    rows, ids = clustered() * 1e-3 + 1e6, np.arange(3000)
    visits = Cells(k_means(rows, 30), 4).visits(rows, rows)
    one, other = (nearest(rows, ids, rows, ids, 5, distinct=True, visits=visits, engine=e) for e in ("faiss", "numpy"))
    assert np.array_equal(one.ids, other.ids) and np.array_equal(one.totals, other.totals)


@pytest.mark.parametrize("size", [1, 20, 400])
def test_engines_agree_in_a_block_with_some_of_the_cells(size: int) -> None:
    rows, cells = clustered(), Cells(k_means(clustered(), 30), 9)
    block = np.argsort(cells.of(rows), kind="stable")[:size]  # of the first cells: fewer than a query visits
    visits, everyone = cells.visits(rows, rows[block]), np.arange(3000)
    one, other = (
        nearest(rows, everyone, rows[block], block, 5, visits=visits, complete=False, engine=e)
        for e in ("faiss", "numpy")
    )
    assert np.array_equal(one.ids, other.ids) and np.array_equal(one.totals, other.totals)
    assert (one.ids == NOBODY).any() and (one.ids != NOBODY).any(axis=1).any()


def test_cells_with_too_few_rows_are_made_up_for() -> None:
    rows = np.array([[0.0], [0.1], [10.0], [10.1], [10.2], [10.3]])
    ids = np.arange(6)
    visits = Cells(np.array([[0.0], [10.0]]), 1).visits(rows, rows)
    assert nearest(rows, ids, rows, ids, 3, visits=visits).ids[0].tolist() == [1, 2, 3]
    alone = nearest(rows, ids, rows, ids, 3, visits=visits, complete=False).ids
    assert alone[0].tolist() == [1, NOBODY, NOBODY] and alone[2].tolist() == [3, 4, 5]


def test_recall_without_any_neighbour_is_whole() -> None:
    assert recalls(np.array([[0, 1]]), np.array([[-1]])).tolist() == [[1.0, 1.0]]

"""Cells: rows grouped around centroids, so that a search looks into a few groups instead of everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import means_of
from steelyard.kernels.knn import Visits, nearest

Floats = NDArray[np.float64]

_ROUNDS = 5  # of k-means: more don't find more neighbours


@dataclass(frozen=True)
class Cells:
    """Centroids, shape (c, d), and the number of cells that a query visits: those of its nearest centroids.

    A row belongs to the cell of the centroid that is nearest by its first `d` columns.
    """

    centroids: Floats
    probes: int

    def of(self, rows: Floats) -> NDArray[np.int64]:
        """Return each row's cell."""
        return near_centroids(rows, self.centroids, 1)[:, 0]

    def visited(self, rows: Floats) -> NDArray[np.int64]:
        """Return the cells that each row visits, nearest first: shape (n, probes)."""
        return near_centroids(rows, self.centroids, self.probes)

    def visits(self, queries: Floats, index: Floats) -> Visits:
        """Return which rows of an index each query is compared with."""
        return Visits(self.visited(queries), self.of(index))


def near_centroids(rows: Floats, centroids: Floats, n: int) -> NDArray[np.int64]:
    """Return the `n` nearest centroids of each row, exactly: the same on every machine."""
    of_nobody = np.full(len(rows), -2, dtype=np.int64)
    near = np.ascontiguousarray(rows[:, : centroids.shape[1]])
    # Centroids are far apart, so that few lists need more candidates than places.
    return nearest(near, of_nobody, centroids, np.arange(len(centroids)), n, candidates=n + 2).ids


def k_means(sample: Floats, n_cells: int) -> Floats:
    """Return at most `n_cells` centroids of rows, by a few rounds of Lloyd's algorithm from the first different rows.

    Sums are taken in the order of the rows, so that the same rows give the same bits on every machine.
    """
    _, first = np.unique(sample, axis=0, return_index=True)
    centroids: Floats = sample[np.sort(first)[:n_cells]]
    for _ in range(_ROUNDS):
        cell = near_centroids(sample, centroids, 1)[:, 0]
        centroids = means_of(sample, cell, len(centroids))
    return centroids


def packed(sizes: Sequence[int], capacity: int, pieces: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """Pack cells of given sizes into blocks of `capacity` rows: return the first and the last block of each cell.

    Adjacent cells share blocks. A cell larger than a block is cut into `pieces` blocks of its own, by default as few as
    hold it.

    Examples
    --------
    >>> packed([3, 4, 25, 2], 10)
    [(0, 0), (0, 0), (1, 3), (4, 4)]
    """
    placed: list[tuple[int, int]] = []
    block, used = 0, 0
    for i, size in enumerate(sizes):
        cut = max(-(-size // capacity), 1) if pieces is None else pieces[i]
        if used and (cut > 1 or used + size > capacity):
            block, used = block + 1, 0
        placed.append((block, block + cut - 1))
        block, used = (block + cut, 0) if cut > 1 else (block, used + size)
    return placed


def recalls(order: NDArray[np.int64], cells: NDArray[np.int64]) -> Floats:
    """Return each query's recall for each number of visited cells, shape (n, c); 1 for queries without a neighbour.

    `order`, shape (n, c), holds all cells from each query's nearest centroid to the farthest; `cells`, shape (n, k),
    those of its exact neighbours, negative where a list has ended.
    """
    n, c = order.shape
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(c), (n, c)), axis=1)
    there = cells >= 0
    place = np.where(there, np.take_along_axis(rank, np.where(there, cells, 0), axis=1), c)
    hits = np.zeros((n, c + 1))
    np.add.at(hits, (np.arange(n)[:, None], place), 1.0)
    total = np.maximum(there.sum(axis=1, keepdims=True), 1)
    found: Floats = np.cumsum(hits[:, :c], axis=1) / total
    found[~there.any(axis=1)] = 1.0
    return found

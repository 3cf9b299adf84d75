"""Exact nearest neighbours of one block of rows in another, the same on every machine.

Float32 is fast and now and then wrong, so it only *proposes*: the rows are centred, more candidates than asked for
are taken (by faiss where it is installed, else by NumPy), and their distances are computed anew in float64,
feature by feature. A list counts where it is *certified*: where the rounding of the proposing arithmetic can't
hide a nearer row. What float32 can't certify is proposed again in float64, with ever more candidates. So the
result depends on the rows alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels._propose import Floats, Proposer, Rows, float32, float64
from steelyard.kernels.random import splitmix64

Engine = Literal["auto", "faiss", "numpy"]
Ids = NDArray[np.int64]

NOBODY = -1
"""Fills, at an infinite distance, a list with fewer neighbours than asked for."""

_SPARE = 8  # candidates beyond 2 k: enough to certify nearly every list on real tables
_RANKED = 1 << 19  # distances computed at once: they stay in the cache


@dataclass(frozen=True)
class Neighbors:
    """The nearest rows of each query: nearest first, equal distances by ascending id.

    Attributes
    ----------
    ids : array of int64, shape (n_queries, k)
    squared : array of float64, shape (n_queries, k)
        Squared Euclidean distances.
    """

    ids: Ids
    squared: Floats


def nearest(
    queries: Floats,
    query_ids: Ids,
    index: Floats,
    index_ids: Ids,
    k: int,
    *,
    distinct: bool = False,
    engine: Engine = "auto",
) -> Neighbors:
    """Find the k nearest rows of `index` for each row of `queries`, never the row itself.

    Parameters
    ----------
    queries, index : array of float64, shapes (n, d) and (m, d)
        Finite numbers.
    query_ids, index_ids : array of int64, shapes (n,) and (m,)
        A query is no neighbour of the row with its id.
    k : int
    distinct : bool, default False
        Neighbours differ from the query and from one another: of equal rows in `index` the one with the smallest
        id stands for all, and rows at distance 0 are left out.
    engine : {"auto", "faiss", "numpy"}, default "auto"
        Who proposes candidates. Makes no difference to the result.

    Returns
    -------
    Neighbors
        With `NOBODY` at the end of a list where `index` holds too few rows.
    """
    search = _Search(queries, query_ids, *_ordered(index, index_ids, distinct), k, distinct)
    left = np.arange(len(queries) if len(search.index_ids) else 0)
    count, proposer = 2 * k + _SPARE, float32(_faiss(engine))
    while len(left):
        count = min(count, len(search.index_ids))
        left = search.fill(left, proposer, count)
        count, proposer = count * 4 if proposer.kind is np.float64 else count, float64()
    return Neighbors(search.ids, search.squared)


def first_of_equal(rows: Floats) -> Rows:
    """Return, ascending, the position of the first of each set of equal rows."""
    hashed = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        hashed = splitmix64(hashed ^ (column + 0.0).view(np.uint64))  # -0.0 becomes 0.0
    _, first, group = np.unique(hashed, return_index=True, return_inverse=True)
    if all(np.array_equal(column, column[first][group]) for column in rows.T):
        return np.sort(first)
    return np.sort(np.unique(rows + 0.0, axis=0, return_index=True)[1])  # two rows share a hash: once in a long while


def _ordered(rows: Floats, ids: Ids, distinct: bool) -> tuple[Floats, Ids]:
    """Sort by id, so that a tie broken by position is broken by id; keep the first of equal rows."""
    order = np.argsort(ids, kind="stable")
    rows, ids = rows[order], ids[order]
    first = first_of_equal(rows) if distinct and len(rows) else order
    return (rows[first], ids[first]) if len(first) < len(ids) else (rows, ids)


def _faiss(engine: Engine) -> ModuleType | None:
    if engine == "numpy":
        return None
    try:
        faiss = importlib.import_module("faiss")
    except ModuleNotFoundError:
        if engine == "faiss":
            raise
        return None
    faiss.omp_set_num_threads(1)  # Spark already runs a task on each core
    return faiss


class _Search:
    """The lists of one search while they fill."""

    def __init__(self, queries: Floats, query_ids: Ids, index: Floats, index_ids: Ids, k: int, distinct: bool) -> None:
        self.queries, self.query_ids, self.index_ids = queries, query_ids, index_ids
        self.k, self.distinct = k, distinct
        self.ids = np.full((len(queries), k), NOBODY, dtype=np.int64)
        self.squared = np.full((len(queries), k), np.inf)
        self.columns = np.ascontiguousarray(index.T)
        # Proposers see rows around the origin and not beyond 1, where float32 is at its best.
        self.centre = index.mean(axis=0) if len(index) else np.zeros(queries.shape[1])
        edges = [edge(rows, axis=0) for rows in (queries, index) if len(rows) for edge in (np.min, np.max)]
        extent = max((float(np.abs(edge - self.centre).max()) for edge in edges), default=0.0)
        self.unit = float(2.0 ** np.ceil(np.log2(extent))) if extent > 0 else 1.0

    def _seen(self, rows: Floats) -> Floats:
        seen: Floats = rows - self.centre
        seen /= self.unit
        return seen

    def fill(self, rows: Rows, proposer: Proposer, count: int) -> Rows:
        """Fill the lists of `rows` from `count` candidates each, and return the rows that can't be certified."""
        index = np.ascontiguousarray(self._seen(self.columns.T), dtype=proposer.kind)
        left = [rows[:0]]
        for part in _parts(rows, max(_RANKED // count, 1)):
            queries = self._seen(self.queries[part])
            candidates, reached = proposer.propose(np.ascontiguousarray(queries, dtype=proposer.kind), index, count)
            candidates.sort(axis=1)
            self._rank(part, candidates)
            if count < len(index):
                left.append(part[~self._certified(part, queries, proposer, reached)])
        return np.concatenate(left)

    def _rank(self, rows: Rows, candidates: Rows) -> None:
        squared = self._distances(rows, candidates)
        itself = squared == 0.0 if self.distinct else self.index_ids[candidates] == self.query_ids[rows, None]
        squared[itself] = np.inf
        best = np.argsort(squared, axis=1, kind="stable")[:, : self.k]
        kept = np.take_along_axis(squared, best, axis=1)
        ids = self.index_ids[np.take_along_axis(candidates, best, axis=1)]
        self.squared[rows, : best.shape[1]] = kept
        self.ids[rows, : best.shape[1]] = np.where(np.isinf(kept), NOBODY, ids)

    def _distances(self, rows: Rows, candidates: Rows) -> Floats:
        # Summed feature by feature, so that a pair of rows gets the same number in whatever block it meets.
        total = np.zeros(candidates.shape)
        for feature, column in enumerate(self.columns):
            step = self.queries[rows, feature, None] - column[candidates]
            total += step * step
        return total

    def _certified(self, rows: Rows, seen: Floats, proposer: Proposer, reached: Floats) -> NDArray[np.bool_]:
        """Whether no row that wasn't proposed can be as near as the last one kept.

        A row y as near to the query x as the k-th, at r, has |y| <= |x| + r, which bounds the rounding of its
        distance as the proposer saw it; had it been proposed before all that lies at `reached`, it would be here.
        """
        kth = self.squared[rows, -1] / self.unit**2
        length = 2 * np.sqrt(np.square(seen).sum(axis=1)) + np.sqrt(kth)
        found = np.isfinite(kth)
        bound = proposer.bound(np.where(found, length, 0.0), len(self.columns))
        sure: NDArray[np.bool_] = found & (kth * (1 + 1e-12) + bound < reached)
        return sure


def _parts(rows: Rows, size: int) -> Iterator[Rows]:
    return (rows[i : i + size] for i in range(0, len(rows), size))

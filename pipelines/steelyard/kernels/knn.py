"""Exact nearest neighbours of one block of rows in another, the same on every machine.

Float32 is fast but inexact, so it only *proposes* more candidates than asked for: from groups of rows that a bound does
not prune; among few rows from all of them, by faiss, or by NumPy where faiss is not installed. Their distances are
recomputed in float64, feature by feature. A list is *certified* if rounding cannot have hidden a nearer row. Other
lists are proposed again in float64, with more and more candidates. So the result depends on the rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels._engines import NOWHERE, EngineName, Floats, Rows
from steelyard.kernels._propose import Compared, Embedded, Proposer
from steelyard.kernels.distance import EUCLIDEAN, Distance
from steelyard.kernels.random import splitmix64

Ids = NDArray[np.int64]

NOBODY = -1
"""The id that fills lists with fewer neighbours than asked for; its distance is infinite."""

_SPARE = 7  # candidates beyond k: enough to certify nearly every list on real tables
_SAMPLED_GROUP = 64  # rows of a group in a sample of 8,192: as near to all rows as groups of 1,024 of 200,000
_PROPOSED = 1 << 20  # candidates held at once
_RANKED = 1 << 19  # distances computed at once: they stay in the cache


@dataclass(frozen=True)
class Neighbors:
    """The nearest rows of each query: nearest first, equal distances by ascending id.

    Attributes
    ----------
    ids : array of int64, shape (n_queries, k)
    totals : array of float64, shape (n_queries, k)
        What the distance grows with: its square, but for Manhattan's. Infinite where there is no neighbour.
    """

    ids: Ids
    totals: Floats


@dataclass(frozen=True)
class Visits:
    """The cells whose rows are compared with each query.

    Attributes
    ----------
    queries : array of int, shape (n, p)
        Cells of each query.
    index : array of int, shape (m,)
        The cell of each row of the index.
    """

    queries: NDArray[np.int64]
    index: NDArray[np.int64]


def nearest(
    queries: Floats,
    query_ids: Ids,
    index: Floats,
    index_ids: Ids,
    k: int,
    *,
    distinct: bool = False,
    distance: Distance = EUCLIDEAN,
    visits: Visits | None = None,
    complete: bool = True,
    engine: EngineName = "auto",
    candidates: int | None = None,
) -> Neighbors:
    """Find the k nearest rows of `index` for each row of `queries`, never the row itself.

    Parameters
    ----------
    queries, index : array of float64, shapes (n, d) and (m, d)
        Finite numbers.
    query_ids, index_ids : array of int64, shapes (n,) and (m,)
        A query is not a neighbour of the row with its id.
    k : int
    distinct : bool, default False
        Neighbours differ from the query and from one another: of equal rows in `index` only the one with the smallest
        id is used, and rows at distance 0 are left out.
    distance : Distance, default Euclidean
    visits : Visits, optional
        Queries are compared with the rows of these cells only. Distances without an embedding are compared with all
        rows.
    complete : bool, default True
        Compare queries whose cells hold fewer than k rows with all rows.
    engine : {"auto", "faiss", "numpy"}, default "auto"
        Proposes candidates. Does not change the result.
    candidates : int, optional
        Number of rows proposed at first; by default a few more than k. Does not change the result.

    Returns
    -------
    Neighbors
        With `NOBODY` at the end of a list where `index` holds too few rows.
    """
    # By id, so that ties broken by position are broken by id. A list holds at most k of equal rows, without the query.
    kept = first_of_equal(index, 1 if distinct else k + 1, np.argsort(index_ids, kind="stable"))
    count = k + _SPARE if candidates is None else candidates
    search = _Search(queries, query_ids, index, index_ids, kept, k, distinct, distance, count)
    if visits is not None:
        near = Visits(visits.queries, visits.index[kept])
        # Queries that visit the same cells follow each other, while the cells are in the processor's cache.
        search.left = search.left[np.argsort(visits.queries[search.left, 0], kind="stable")]
        search.fill_all(lambda careful: search.proposer("numpy" if careful else engine, careful, near))
    if visits is None or complete:
        search.fill_all(lambda careful: search.proposer("numpy" if careful else engine, careful, None))
    return Neighbors(search.ids, search.totals)


def share_compared(sample: Floats, k: int, distance: Distance = EUCLIDEAN) -> float:
    """Return an estimate, rather too large, of the share of pairs that an exact search among many rows compares.

    `sample` has some thousands of the rows.
    """
    embedded = distance.embed(sample, sample) if len(sample) else None
    if embedded is None:
        return 1.0
    count = min(k + _SPARE, len(sample))
    everyone = np.arange(len(sample))
    return Embedded(*embedded, everyone, "numpy", careful=False, visits=None).share_compared(count, _SAMPLED_GROUP)


def first_of_equal(rows: Floats, n: int = 1, order: Rows | None = None) -> Rows:
    """Return the positions of the first `n` of each set of equal rows, in the given order of rows."""
    order = np.arange(len(rows)) if order is None else order
    hashed = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        hashed = splitmix64(hashed ^ (column + 0.0).view(np.uint64))  # -0.0 becomes 0.0
    _, first, group, sizes = np.unique(hashed[order], return_index=True, return_inverse=True, return_counts=True)
    if len(first) == len(rows):
        return order
    again = np.flatnonzero(sizes[group] > 1)
    if any((column[order[again]] != column[order[first[group[again]]]]).any() for column in rows.T):
        # Different rows share a hash, which is very rare.
        exact = rows[order] + 0.0
        _, first, group, sizes = np.unique(exact, True, True, True, axis=0)
    if n == 1:
        return order[np.sort(first)]
    by_group = np.argsort(group.ravel(), kind="stable")
    place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return order[np.sort(by_group[place < n])]


class _Search:
    """The lists of one search. Candidates are positions in `kept`, which holds positions in the index."""

    def __init__(
        self,
        queries: Floats,
        query_ids: Ids,
        index: Floats,
        index_ids: Ids,
        kept: Rows,
        k: int,
        distinct: bool,
        distance: Distance,
        count: int,
    ) -> None:
        self.count = min(count, len(kept))
        self.queries, self.query_ids, self.kept, self.index_ids = queries, query_ids, kept, index_ids[kept]
        self.k, self.distinct, self.distance = k, distinct, distance
        self.ids = np.full((len(queries), k), NOBODY, dtype=np.int64)
        self.totals = np.full((len(queries), k), np.inf)
        self.columns = np.ascontiguousarray(index.T)
        self.embedded = distance.embed(queries, index)
        self.left = np.arange(len(queries) if len(index) else 0)

    def proposer(self, engine: EngineName, careful: bool, visits: Visits | None) -> Proposer:
        if self.embedded is None:
            return Compared(self.distance, self.queries, self.columns[:, self.kept])
        return Embedded(*self.embedded, self.kept, engine, careful, visits)

    def fill_all(self, proposer_of: Callable[[bool], Proposer]) -> None:
        """Fill the lists that are left: first in float32, then in float64 with more and more candidates."""
        count, left = self.count, self.left
        proposer = proposer_of(False)
        while len(left):
            left = self._fill(left, proposer, count)
            if len(left) and not proposer.careful:
                proposer = proposer_of(True)
            elif len(left):
                count = min(count * 4, len(self.index_ids))
        self.left = self.left[np.isinf(self.totals[self.left, -1])]

    def _fill(self, rows: Rows, proposer: Proposer, count: int) -> Rows:
        """Fill the lists of `rows` from `count` candidates each, and return the rows that are not certified."""
        left = [rows[:0]]
        for part in _parts(rows, max(_PROPOSED // count, 1)):
            candidates, reached = proposer.propose(part, count)
            candidates.sort(axis=1)
            for some in _parts(np.arange(len(part)), max(_RANKED // count, 1)):
                self._rank(part[some], candidates[some])
            if count < len(self.index_ids):
                left.append(part[~proposer.certified(part, self.totals[part, -1], reached)])
        return np.concatenate(left)

    def _rank(self, rows: Rows, candidates: Rows) -> None:
        totals = self.distance.totals(self.queries[rows], self.columns, self.kept[candidates])
        itself = totals == 0.0 if self.distinct else self.index_ids[candidates] == self.query_ids[rows, None]
        totals[itself | (candidates == NOWHERE)] = np.inf
        best = np.argsort(totals, axis=1, kind="stable")[:, : self.k]
        kept = np.take_along_axis(totals, best, axis=1)
        ids = self.index_ids[np.take_along_axis(candidates, best, axis=1)]
        self.totals[rows, : best.shape[1]] = kept
        self.ids[rows, : best.shape[1]] = np.where(np.isinf(kept), NOBODY, ids)


def _parts(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield parts of about equal size, at most `size`."""
    if len(rows):
        even = -(-len(rows) // -(-len(rows) // size))
        yield from (rows[i : i + even] for i in range(0, len(rows), even))

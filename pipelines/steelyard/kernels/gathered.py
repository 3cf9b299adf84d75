"""The top k of a few queries over rows in several parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.distance import EUCLIDEAN, Distance
from steelyard.kernels.knn import NOBODY, Neighbors, nearest

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]

_SLAB = 1 << 22  # distances held at once
_MANY = 16  # times the rows that the lists hold: with more candidates, a search is cheaper


class Gathered:
    """The k nearest rows so far of each query, with a number that each of them carries.

    Parameters
    ----------
    queries : array of float64, shape (n, d)
        Finite numbers.
    query_ids : array of int64, shape (n,)
        A query is not a neighbour of rows with its id.
    k : int
    distinct : bool, default False
        As `steelyard.kernels.knn.nearest` says, within each part.
    distance : Distance, default Euclidean

    Attributes
    ----------
    totals, ids, carried : arrays of shape (n, k)
        Nearest first, equal totals by ascending id; infinite and `NOBODY` where lists are shorter.
    """

    def __init__(
        self, queries: Floats, query_ids: Ids, k: int, *, distinct: bool = False, distance: Distance = EUCLIDEAN
    ) -> None:
        self.queries, self.query_ids, self.k = queries, query_ids, k
        self.distinct, self.distance = distinct, distance
        self.totals = np.full((len(queries), k), np.inf)
        self.ids, self.carried = (np.full((len(queries), k), NOBODY, dtype=np.int64) for _ in range(2))
        self._bounds = not distinct and distance.name == "euclidean" and queries[:, distance.nominal :].size > 0
        self._held = np.empty(0, dtype=np.float32)

    def look(self, rows: Floats, row_ids: Ids, carried: NDArray[np.integer]) -> None:
        """Merge the nearest of more rows.

        Once the lists are full, float32 tells which rows may be as near as a query's last neighbour; only these are
        compared exactly. Where they are many, as where rows repeat, the rows are searched as the first ones are.

        Parameters
        ----------
        rows : array of float64, shape (m, d)
            Finite numbers; m is above 0.
        row_ids, carried : arrays of shape (m,)
        """
        if self._bounds and np.isfinite(self.totals).all():
            near = self._may_be_near(rows)
            if near is not None:
                self._compare(*near, rows, row_ids, carried)
                return
        found = nearest(
            self.queries, self.query_ids, rows, row_ids, self.k, distinct=self.distinct, distance=self.distance
        )
        self._add(found, row_ids, carried)

    def _may_be_near(self, rows: Floats) -> Pairs | None:
        """Return the pairs of query and row that may be near enough, or None where they are many.

        Numbers only: categories that differ make a row no nearer. The bound of the rounding errors is that of
        `steelyard.kernels._propose.Embedded.certified`: a row y as near to the query x as r has |y| <= |x| + r.
        """
        numbers = rows.shape[1] - self.distance.nominal
        centre = self.queries[:, :numbers].mean(axis=0)
        reach = np.sqrt(self.totals[:, -1])
        extent = np.abs(self.queries[:, :numbers] - centre).max()
        unit = float(max(extent, reach.max())) or 1.0  # near rows are then in a small cube, where floats are precise
        with np.errstate(over="ignore", invalid="ignore"):  # far rows may overflow
            queries, points = (((x[:, :numbers] - centre) / unit).astype(np.float32) for x in (self.queries, rows))
            columns = np.vstack([points.T, np.square(points).sum(axis=1)])
        own = np.square(queries.astype(np.float64)).sum(axis=1)
        rounding = (numbers + 16) * float(np.finfo(np.float32).eps) * np.square(2 * np.sqrt(own) + reach / unit)
        limit = (np.square(reach / unit) * (1 + 1e-12) + rounding - own).astype(np.float32)
        factors = np.column_stack([-2 * queries, np.ones(len(queries), dtype=np.float32)])
        found: list[Pairs] = []
        step = min(max(_SLAB // len(rows), 1), len(queries))
        if self._held.size < step * len(rows):
            self._held = np.empty(step * len(rows), dtype=np.float32)  # memory that is new costs more than the product
        for start in range(0, len(queries), step):
            some = factors[start : start + step]
            looked = self._held[: len(some) * len(rows)].reshape(len(some), len(rows))
            with np.errstate(over="ignore", invalid="ignore"):
                np.matmul(some, columns, out=looked)
            near = ~(looked > limit[start : start + step, None])  # NaN of an overflow is not left out
            query, row = np.divmod(np.flatnonzero(near), len(rows))
            found.append((query + start, row))
            if sum(len(q) for q, _ in found) > _MANY * self.totals.size:
                return None
        return np.concatenate([q for q, _ in found]), np.concatenate([r for _, r in found])

    def _compare(
        self,
        query: NDArray[np.intp],
        row: NDArray[np.intp],
        rows: Floats,
        row_ids: Ids,
        carried: NDArray[np.integer],
    ) -> None:
        """Merge the rows of some pairs into the lists, which are full."""
        totals = self.distance.totals(self.queries[query], np.ascontiguousarray(rows.T), row[:, None])[:, 0]
        near = np.flatnonzero((totals <= self.totals[query, -1]) & (row_ids[row] != self.query_ids[query]))
        if not len(near):
            return
        who = np.concatenate([np.repeat(np.arange(len(self.queries)), self.k), query[near]])
        new = (totals[near], row_ids[row[near]], carried[row[near]])
        known = (self.totals, self.ids, self.carried)
        all_totals, ids, carry = (np.concatenate([old.ravel(), of]) for old, of in zip(known, new, strict=True))
        order = np.lexsort((ids, all_totals, who))
        starts = np.searchsorted(who[order], np.arange(len(self.queries)))
        best = order[starts[:, None] + np.arange(self.k)]
        self.totals, self.ids, self.carried = all_totals[best], ids[best], carry[best]

    def _add(self, found: Neighbors, row_ids: Ids, carried: NDArray[np.integer]) -> None:
        """Merge the nearest of more rows, as a search has found them."""
        order = np.argsort(row_ids)
        place = order[np.minimum(np.searchsorted(row_ids, found.ids, sorter=order), len(order) - 1)]
        known, new = (self.totals, self.ids, self.carried), (found.totals, found.ids, carried[place])
        both = [np.concatenate(pair, axis=1) for pair in zip(known, new, strict=True)]
        best = np.lexsort((both[1], both[0]), axis=1)[:, : self.k]
        self.totals, self.ids, self.carried = (np.take_along_axis(part, best, axis=1) for part in both)

    def listed(self) -> tuple[NDArray[np.intp], Floats, Ids, Ids]:
        """Return query, total, id and carried number of each neighbour."""
        there = np.isfinite(self.totals)
        return np.nonzero(there)[0], self.totals[there], self.ids[there], self.carried[there]

"""An exact search that prunes groups of rows by a distance bound."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from steelyard.kernels._best import Best
from steelyard.kernels._engines import Floats, Points, Rows
from steelyard.kernels.arrays import means_of

_SIZE = 1024  # rows of a group at least: comparisons of fewer rows are slower, bounds of more prune less
_GROWTH = 3  # times the square root of all rows: bounds of many groups cost as much as they save
_MOST = 1024  # groups
_QUERIES = 16  # for each group: with fewer, grouping costs more than it saves
_FEWEST = 4  # groups
_SAMPLED = 32  # rows of the sample for each group
_ROUNDS = 4  # of k-means
_AT_ONCE = 1024  # rows that are compared with a group, or with all centroids
_WIDEST = 4096  # rows of a group, which equal rows can make huge, that are compared at once


class Groups:
    """Rows grouped around centroids, with lower bounds of the distance from a query to a group.

    Project a query and the rows of a group on the line from the query's centroid a to the group's centroid c. The gap
    between the query and the group's nearest row on that line is a lower bound of all their distances. A group is
    pruned if k rows are nearer than its bound [1]_.

    Parameters
    ----------
    columns : array of float32 or float64, shape (d + 1, m)
        The rows by feature, and one more row to write to. Reordered in place, to save memory.
    n_queries : int
        Expected number of queries.
    size : int, optional
        Mean number of rows in a group; default 1,024, or three times the square root of all rows if that is more.

    Attributes
    ----------
    compared : int
        Pairs compared so far.

    References
    ----------
    .. [1] The bounds are those of generalized hyperplane trees: Uhlmann, "Satisfying general proximity/similarity
       queries with metric trees", Information Processing Letters 40, 1991; with each group's own margin.
    """

    def __init__(self, columns: Points, n_queries: int, size: int | None = None) -> None:
        self.compared, rows = 0, columns[:-1].T
        centroids = _centroids(rows, max(_how_many(n_queries, len(rows), size or _size(len(rows))), 1))
        cell = _nearest(rows, centroids)
        there, self._sizes = np.unique(cell, return_counts=True)
        self._order, self._ends = np.argsort(cell, kind="stable"), np.cumsum(self._sizes)
        self._centroids = centroids[there]
        n, self._radius = len(there), np.zeros(len(there))
        # Distances of centroids; greatest distance of a group's rows from its centroid in the direction of another.
        self._apart, self._extent = np.empty((n, n)), np.empty((n, n))
        # Multiplied by (-2 x, 1) of a query: |y|² - 2 x y, the squared distance less |x|².
        self._columns = columns
        for column in columns[:-1]:
            column[:] = column[self._order]
        for group in range(n):
            self._measure(group)

    def _measure(self, group: int) -> None:
        span, (toward, self._apart[group]) = self._group(group), self._toward(group)
        rows = self._columns[:-1, span].T
        self._columns[-1, span] = np.square(rows).sum(axis=1)
        parts = [rows[i : i + _AT_ONCE] - self._centroids[group] for i in range(0, len(rows), _AT_ONCE)]
        self._extent[group] = np.max([(part @ toward.T).max(axis=0) for part in parts], axis=0)
        self._radius[group] = max(_lengths(part).max() for part in parts)

    @staticmethod
    def pay(n_queries: int, n_rows: int) -> bool:
        """Return whether grouping saves work."""
        return _how_many(n_queries, n_rows, _size(n_rows)) >= _FEWEST

    def propose(self, queries: Points, count: int) -> tuple[Rows, Floats]:
        """Return positions of the nearest rows, and their squared distances, in any order."""
        positions = np.empty((len(queries), count), dtype=np.intp)
        squared = np.empty((len(queries), count))
        for group, part in self._parts(queries):
            best = self._near(queries[part], group, count)
            positions[part], squared[part] = best.positions, best.squared
        return self._order[positions], squared

    def _group(self, group: int) -> slice:
        return slice(self._ends[group] - self._sizes[group], self._ends[group])

    def _parts(self, queries: Points) -> Iterator[tuple[int, Rows]]:
        """Return queries that are near the same centroid."""
        cell = _nearest(queries, self._centroids)
        order = np.argsort(cell, kind="stable")
        found, starts = np.unique(cell[order], return_index=True)
        for group, members in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
            for start in range(0, len(members), _AT_ONCE):
                yield group, members[start : start + _AT_ONCE]

    def _near(self, queries: Points, group: int, count: int) -> Best:
        """Search the groups that may contain neighbours, the nearest first."""
        best, least = Best(queries, count), self._least(queries, group)
        order = np.argsort(self._apart[group], kind="stable")
        for turn, others in enumerate((order[:1], order[1:])):
            # Groups out of reach after the first one stay out of reach.
            near = others[(least[:, others] <= best.reach[:, None]).any(axis=0)] if turn else others
            for other in near.tolist():
                self._visit(best, least[:, other], other)
        best.merge()
        return best

    def _visit(self, best: Best, least: Floats, group: int) -> None:
        span = self._group(group)
        for start in range(span.start, span.stop, _WIDEST):
            who = np.flatnonzero(least <= best.reach)
            if len(who):
                columns = self._columns[:, start : min(start + _WIDEST, span.stop)]
                self.compared += len(who) * columns.shape[1]
                best.look(who, columns, start)

    def _toward(self, group: int) -> tuple[Points, Floats]:
        """Return directions from a group's centroid to all others, and their distances."""
        step = self._centroids.astype(np.float64) - self._centroids[group]
        apart = _lengths(step)
        return (step / np.where(apart > 0, apart, 1.0)[:, None]).astype(self._centroids.dtype), apart

    def _least(self, queries: Points, group: int) -> Floats:
        """Return lower bounds of the squared distances from each query to each group."""
        (toward, apart), inside = self._toward(group), queries - self._centroids[group]
        # The rounding of differences, directions and d products is below (d + 8) u times the factors' lengths; doubled.
        lengths = _lengths(inside)[:, None] + self._radius + apart
        info, width = np.finfo(queries.dtype), queries.shape[1]
        rounding = 2 * (width + 8) * float(info.eps) * lengths + 16 * width * float(info.tiny)
        least: Floats = np.maximum(apart - self._extent[:, group] - inside @ toward.T - rounding, 0.0)
        return np.square(least, out=least)


def _size(n_rows: int) -> int:
    return max(_SIZE, int(_GROWTH * math.sqrt(n_rows)))


def _how_many(n_queries: int, n_rows: int, size: int) -> int:
    return min(n_rows // size, n_queries // _QUERIES, _MOST)


def _centroids(rows: Points, n: int) -> Points:
    """Return centroids of about `n` groups; any centroids give the same neighbours."""
    sample = rows[:: max(len(rows) // (n * _SAMPLED), 1)]
    centroids: Points = sample[:: max(len(sample) // n, 1)][:n]
    for _ in range(_ROUNDS):
        cell = _nearest(sample, centroids)
        centroids = means_of(sample, cell, len(centroids)).astype(rows.dtype)
    return centroids


def _nearest(rows: Points, centroids: Points) -> Rows:
    """Return the nearest centroid of each row, approximately."""
    lengths, factors = np.square(centroids).sum(axis=1), -2 * centroids.T
    parts = (rows[i : i + _AT_ONCE] for i in range(0, len(rows), _AT_ONCE))
    return np.concatenate([(part @ factors + lengths).argmin(axis=1) for part in parts])


def _lengths(rows: Points) -> Floats:
    lengths: Floats = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    return lengths

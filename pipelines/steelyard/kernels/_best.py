"""The current top k of queries, while more rows are compared."""

from __future__ import annotations

import numpy as np

from steelyard.kernels._engines import NOWHERE, Floats, Points, Rows

_MANY = 8  # candidates per list place, beyond which they are selected instead of listed


class Best:
    """The current top `count` of queries, shape (n, d); unordered."""

    def __init__(self, queries: Points, count: int) -> None:
        n = len(queries)
        self.positions = np.full((n, count), NOWHERE, dtype=np.intp)
        self.squared = np.full((n, count), np.inf)
        self.reach = np.full(n, np.inf)
        self._count, self._own = count, np.square(queries.astype(np.float64)).sum(axis=1)
        self._factors = np.column_stack([-2 * queries, np.ones(n, dtype=queries.dtype)])
        self._found: list[tuple[Rows, Rows, Floats]] = []
        self._pending = 0

    def look(self, who: Rows, columns: Points, start: int) -> None:
        """Compare the queries `who` with adjacent rows, the first at position `start`."""
        looked = self._factors[who] @ columns
        query, column = self._nearer(looked, (self.reach[who] - self._own[who]).astype(looked.dtype))
        if not len(query):
            return
        squared = looked[query, column].astype(np.float64) + self._own[who[query]]
        self._found.append((who[query], column + start, squared))
        self._pending += len(query)
        if 2 * self._pending >= self.squared.size:
            self.merge()

    def _nearer(self, looked: Points, within: Points) -> tuple[Rows, Rows]:
        """Return pairs nearer than a query's current top k, or that may be in it while it is not full.

        `Embedded.certified` allows for the rounding of `within`.
        """
        width = looked.shape[1]
        if np.isinf(within).any():
            nearer = looked <= np.minimum(within, _bound(looked, self._count))[:, None]
        else:
            nearer = looked < within[:, None]
        flat = np.flatnonzero(nearer)
        if len(flat) > _MANY * self._count * len(looked) and width > self._count:  # where rows repeat
            least = np.argpartition(looked, self._count - 1, axis=1)[:, : self._count]
            return np.repeat(np.arange(len(looked)), self._count), least.ravel()
        query, column = np.divmod(flat, width)
        return query, column

    def merge(self) -> None:
        """Merge pending candidates into the current top k."""
        if not self._found:
            return
        query, position, squared = (np.concatenate(part) for part in zip(*self._found, strict=True))
        self._found, self._pending = [], 0
        order = np.argsort(query, kind="stable")
        query = query[order]
        hits = np.bincount(query, minlength=len(self.reach))
        place = self._count + np.arange(len(query)) - np.repeat(np.cumsum(hits) - hits, hits)
        shape = (len(hits), self._count + hits.max())
        all_squared, all_positions = np.full(shape, np.inf), np.full(shape, NOWHERE, dtype=np.intp)
        all_squared[:, : self._count], all_positions[:, : self._count] = self.squared, self.positions
        all_squared[query, place], all_positions[query, place] = squared[order], position[order]
        kept = np.argpartition(all_squared, self._count - 1, axis=1)[:, : self._count]
        self.positions = np.take_along_axis(all_positions, kept, axis=1)
        self.squared = np.take_along_axis(all_squared, kept, axis=1)
        self.reach = self.squared.max(axis=1)


def _bound(values: Points, count: int) -> Points:
    """Return an upper bound of the `count` smallest values of each row, from minima of its parts."""
    while (half := values.shape[1] // 2) >= 4 * count:
        values = np.minimum(values[:, :half], values[:, half : 2 * half])
    if values.shape[1] < count:
        return np.full(len(values), np.inf, dtype=values.dtype)
    bound: Points = np.partition(values, count - 1, axis=1)[:, count - 1]
    return bound

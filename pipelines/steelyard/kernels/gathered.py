"""The top k of a few queries over rows in several parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.knn import NOBODY, Neighbors


class Gathered:
    """The k nearest rows so far of each query, with a number that each of them carries.

    Attributes
    ----------
    totals, ids, carried : arrays of shape (n_queries, k)
        Nearest first, equal totals by ascending id; infinite and `NOBODY` where lists are shorter.
    """

    def __init__(self, n_queries: int, k: int) -> None:
        self.k = k
        self.totals = np.full((n_queries, k), np.inf)
        self.ids, self.carried = (np.full((n_queries, k), NOBODY, dtype=np.int64) for _ in range(2))

    def add(self, found: Neighbors, row_ids: NDArray[np.int64], carried: NDArray[np.integer]) -> None:
        """Merge neighbours found among one or more rows, with the ids and carried numbers of all these rows."""
        order = np.argsort(row_ids)
        place = order[np.minimum(np.searchsorted(row_ids, found.ids, sorter=order), len(order) - 1)]
        known, new = (self.totals, self.ids, self.carried), (found.totals, found.ids, carried[place])
        both = [np.concatenate(pair, axis=1) for pair in zip(known, new, strict=True)]
        best = np.lexsort((both[1], both[0]), axis=1)[:, : self.k]
        self.totals, self.ids, self.carried = (np.take_along_axis(part, best, axis=1) for part in both)

    def listed(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Return query, total, id and carried number of each neighbour."""
        there = np.isfinite(self.totals)
        return np.nonzero(there)[0], self.totals[there], self.ids[there], self.carried[there]

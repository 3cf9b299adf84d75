"""Types of rare rows by their neighbourhoods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.knn import NOBODY

TYPES = ("safe", "borderline", "rare", "outlier")
"""From easy to hard."""

_SAFE, _BORDERLINE = 0.7, 0.3  # of 5 neighbours: 4 or more, 2 or more


@dataclass(frozen=True)
class Surroundings:
    """Rows of one class, and the nearest rows of any class around each.

    Parameters
    ----------
    ids : array of int64, shape (n,)
    neighbors : array of int64, shape (n, k)
        Ids, nearest first; `NOBODY` at the end of lists that are shorter.
    same : array of bool, shape (n, k)
        Whether a neighbour is of the rows' own class.
    """

    ids: NDArray[np.int64]
    neighbors: NDArray[np.int64]
    same: NDArray[np.bool_]

    @property
    def friends(self) -> NDArray[np.int64]:
        """The number of neighbours of the rows' own class."""
        found: NDArray[np.int64] = self.same.sum(axis=1)
        return found

    @property
    def first_friend(self) -> NDArray[np.int64]:
        """The nearest neighbour of the rows' own class; `NOBODY` where there is none."""
        first = np.take_along_axis(self.neighbors, self.same.argmax(axis=1)[:, None], axis=1)[:, 0]
        return np.where(self.same.any(axis=1), first, NOBODY)

    @property
    def doubtful(self) -> NDArray[np.int64]:
        """Rows that are the only neighbour of the class of another row: their own neighbours must be known."""
        return np.unique(self.first_friend[self.friends == 1])

    def of(self, ids: NDArray[np.int64]) -> Surroundings:
        """Return the rows with some ids, all of which must be there, in their order."""
        order = np.argsort(self.ids, kind="stable")
        rows = order[np.searchsorted(self.ids, ids, sorter=order)]
        return Surroundings(ids, self.neighbors[rows], self.same[rows])

    def joined(self, other: Surroundings) -> Surroundings:
        """Return the rows of both."""
        both = [(a, b) for a, b in zip(vars(self).values(), vars(other).values(), strict=True)]
        return Surroundings(*(np.concatenate(pair) for pair in both))


def minority_types(rows: Surroundings, known: Surroundings) -> NDArray[np.intp]:
    """Classify rows as safe, borderline, rare or outlier [1]_, as places in `TYPES`.

    With four or five neighbours of its own class among five, a row is safe; with two or three, borderline; with none,
    an outlier. A row with one is rare if that neighbour has none of the class around it, or this row alone; else it is
    borderline. With fewer than five neighbours, shares of 0.7 and 0.3 replace four and two. `known` must hold at least
    `rows.doubtful`.

    References
    ----------
    .. [1] Napierala, Stefanowski, "Types of minority class examples and their influence on learning classifiers from
       imbalanced data", Journal of Intelligent Information Systems 46, 2016.
    """
    found = np.maximum((rows.neighbors != NOBODY).sum(axis=1), 1)
    share = rows.friends / found
    kinds = np.select([share >= _SAFE, share >= _BORDERLINE, rows.friends > 0], [0, 1, 2], 3)
    one = np.flatnonzero(kinds == 2)
    if not len(one):
        return kinds
    partner = known.of(rows.first_friend[one])
    points_back = (partner.friends == 1) & (partner.first_friend == rows.ids[one])
    kinds[one[~(points_back | (partner.friends == 0))]] = 1
    return kinds

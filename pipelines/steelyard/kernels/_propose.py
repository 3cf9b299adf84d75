"""Fast guesses at nearest neighbours, with what is known about their rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_GROUP = 64  # columns whose minimum is looked at before they are
_SLAB = 1 << 22  # distances held at once


@dataclass(frozen=True)
class Proposer:
    """Gives, for each query, positions of the rows that look nearest, and the squared distance they reach.

    Attributes
    ----------
    propose : callable
        (queries, index, count) -> (positions, reached): every row that is not among a query's `count` positions
        looked at least `reached` away.
    kind : type
        Its arithmetic: float32 or float64.
    """

    propose: Callable[[NDArray[Any], NDArray[Any], int], tuple[Rows, Floats]]
    kind: type[np.floating[Any]]

    def bound(self, length: Floats, n_features: int) -> Floats:
        """Return how far off a squared distance may be, for points whose distances from the origin add to `length`.

        Rounding the coordinates and summing |x|^2 + |y|^2 - 2xy in any order is off by less than (d + 8) u length^2;
        doubled here for good measure. Coordinates are at most 1, so underflow adds next to nothing.
        """
        info = np.finfo(self.kind)
        return (n_features + 8) * float(info.eps) * np.square(length) + n_features * float(info.tiny) * 16


def float32(faiss: ModuleType | None) -> Proposer:
    """Return the fast proposer: faiss where it is given, else NumPy."""
    return Proposer(_by_faiss(faiss) if faiss else _by_numpy, np.float32)


def float64() -> Proposer:
    """Return the careful proposer."""
    return Proposer(_by_numpy, np.float64)


def _by_faiss(faiss: ModuleType) -> Callable[[NDArray[Any], NDArray[Any], int], tuple[Rows, Floats]]:
    def propose(queries: NDArray[Any], index: NDArray[Any], count: int) -> tuple[Rows, Floats]:
        squared, positions = faiss.knn(queries, index, count)
        return positions.astype(np.intp, copy=False), squared[:, -1].astype(np.float64)

    return propose


def _by_numpy(queries: NDArray[Any], index: NDArray[Any], count: int) -> tuple[Rows, Floats]:
    padded = np.pad(index, ((0, -len(index) % _GROUP), (0, 0)))
    lengths = np.square(padded).sum(axis=1)
    lengths[len(index) :] = np.inf
    positions = np.empty((len(queries), count), dtype=np.intp)
    reached = np.empty(len(queries))
    step = max(_SLAB // len(padded), 1)
    for start in range(0, len(queries), step):
        part = queries[start : start + step]
        slab = part @ padded.T
        slab *= -2
        slab += lengths
        best = _smallest(slab, count)
        positions[start : start + step] = best
        worst = np.take_along_axis(slab, best, axis=1).max(axis=1).astype(np.float64)
        reached[start : start + step] = worst + np.square(part.astype(np.float64)).sum(axis=1)
    return positions, reached


def _smallest(values: NDArray[Any], count: int) -> Rows:
    """Return the positions of the `count` smallest values of each row, by groups of columns first.

    The smallest values lie in the groups with the smallest minima, and a minimum costs a fraction of a selection.
    """
    groups = values.reshape(len(values), -1, _GROUP)
    if groups.shape[1] <= 4 * count:
        return np.argpartition(values, count - 1, axis=1)[:, :count]
    chosen = np.argpartition(groups.min(axis=2), count - 1, axis=1)[:, :count]
    inside = np.take_along_axis(groups, chosen[:, :, None], axis=1).reshape(len(values), -1)
    best = np.argpartition(inside, count - 1, axis=1)[:, :count]
    return np.take_along_axis(chosen, best // _GROUP, axis=1) * _GROUP + best % _GROUP

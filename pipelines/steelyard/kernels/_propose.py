"""Fast guesses at nearest neighbours, with what is known about their rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.distance import Distance

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flat = Callable[[NDArray[Any], NDArray[Any], int], tuple[Rows, Floats]]

NOWHERE = -1
"""Fills a list of positions that is too short."""

_GROUP = 64  # columns whose minimum is looked at before they are
_SLAB = 1 << 22  # distances held at once


@dataclass(frozen=True)
class Visits:
    """Which rows of the index a query is compared with: those of its cells.

    Attributes
    ----------
    queries : array of int, shape (n, p)
        Cells that each query visits.
    index : array of int, shape (m,)
        The cell of each row of the index.
    """

    queries: NDArray[np.int64]
    index: NDArray[np.int64]

    def members(self) -> dict[int, Rows]:
        """Return the positions of each cell's rows."""
        order = np.argsort(self.index, kind="stable")
        cells, starts = np.unique(self.index[order], return_index=True)
        return dict(zip(cells.tolist(), np.split(order, starts[1:]), strict=True))


class Proposer(Protocol):
    """Gives, for some queries, positions of the rows that look nearest, and says when none nearer can be left out."""

    @property
    def careful(self) -> bool:
        """Whether nothing more precise can be had."""

    def propose(self, part: Rows, count: int) -> tuple[Rows, Floats]:
        """Return positions, and what total they reach: every row that isn't among them looked at least so far away."""

    def certified(self, part: Rows, kth: Floats, reached: Floats) -> NDArray[np.bool_]:
        """Whether no row that wasn't proposed can be as near as the last one kept, at the total `kth`."""


class Embedded:
    """Looks at rows as points whose squared Euclidean distances are the totals, in float32 or float64.

    Points are centred, and scaled into the unit cube, where floats are at their best.

    Parameters
    ----------
    queries, index : array of float64
    flat : callable
        (queries, index, count) -> (positions, squared distances as they look), of all pairs.
    careful : bool
        In float64.
    visits : Visits, optional
        Only pairs within cells are looked at.
    """

    def __init__(self, queries: Floats, index: Floats, flat: Flat, careful: bool, visits: Visits | None) -> None:
        self._queries, self._flat, self.careful = queries, flat, careful
        self._centre = index.mean(axis=0) if len(index) else np.zeros(queries.shape[1])
        edges = [edge(rows, axis=0) for rows in (queries, index) if len(rows) for edge in (np.min, np.max)]
        extent = max((float(np.abs(edge - self._centre).max()) for edge in edges), default=0.0)
        self._unit = float(2.0 ** np.ceil(np.log2(extent))) if extent > 0 else 1.0
        self._kind: type[np.floating[Any]] = np.float64 if careful else np.float32
        self._index = np.ascontiguousarray(self._seen(index), dtype=self._kind)
        self._visits = visits
        self._members = visits.members() if visits else {}

    def _seen(self, rows: Floats) -> Floats:
        seen: Floats = rows - self._centre
        seen /= self._unit
        return seen

    def propose(self, part: Rows, count: int) -> tuple[Rows, Floats]:
        """Return positions, and the total they reach."""
        queries = np.ascontiguousarray(self._seen(self._queries[part]), dtype=self._kind)
        if self._visits is None:
            positions, squared = self._flat(queries, self._index, count)
            return positions, squared.max(axis=1)
        return self._propose_in_cells(queries, self._visits.queries[part], count)

    def _propose_in_cells(self, queries: NDArray[Any], cells: NDArray[np.int64], count: int) -> tuple[Rows, Floats]:
        probes = cells.shape[1]
        positions = np.full((len(queries), probes, count), NOWHERE, dtype=np.int32)
        totals = np.full((len(queries), probes, count), np.inf, dtype=self._kind)
        reached = np.full(len(queries), np.inf)
        for cell, (who, slot) in _visitors(cells):
            rows = self._members.get(cell)
            if rows is None:
                continue
            found, squared = self._flat(queries[who], self._index[rows], min(count, len(rows)))
            positions[who, slot, : found.shape[1]] = rows[found]
            totals[who, slot, : found.shape[1]] = squared
            if len(rows) > count:
                reached[who] = np.minimum(reached[who], squared.max(axis=1))
        flat_totals = totals.reshape(len(queries), -1)
        order = np.argpartition(flat_totals, count - 1, axis=1)
        best, rest = order[:, :count], order[:, count:]
        if rest.shape[1]:
            reached = np.minimum(reached, np.take_along_axis(flat_totals, rest, axis=1).min(axis=1))
        chosen: Rows = np.take_along_axis(positions.reshape(len(queries), -1).astype(np.intp), best, axis=1)
        return chosen, reached

    def certified(self, part: Rows, kth: Floats, reached: Floats) -> NDArray[np.bool_]:
        """Whether no row that wasn't proposed can be as near as the last one kept.

        A row y as near to the query x as the k-th, at r, has |y| <= |x| + r, which bounds the rounding of its
        distance as it looked here; had it been proposed before all that lies at `reached`, it would be there.
        Rounding the coordinates and summing |x|² + |y|² - 2xy in any order is off by less than (d + 8) u length²;
        doubled here for good measure. Coordinates are at most 1, so underflow adds next to nothing.
        """
        scaled = kth / self._unit**2
        queries = self._seen(self._queries[part])
        length = 2 * np.sqrt(np.square(queries).sum(axis=1)) + np.sqrt(scaled)
        length = np.where(np.isfinite(kth), length, 0.0)
        info, width = np.finfo(self._kind), queries.shape[1]
        bound = (width + 8) * float(info.eps) * np.square(length) + width * float(info.tiny) * 16
        sure: NDArray[np.bool_] = (scaled * (1 + 1e-12) + bound < reached) | np.isinf(reached)
        return sure


@dataclass(frozen=True)
class Compared:
    """Compares all pairs as the distance says: for those that no embedding has."""

    distance: Distance
    queries: Floats
    columns: Floats
    careful: bool = True

    def propose(self, part: Rows, count: int) -> tuple[Rows, Floats]:
        """Return positions, and the total they reach."""
        everyone = np.arange(self.columns.shape[1])[None, :]
        positions = np.empty((len(part), count), dtype=np.intp)
        reached = np.empty(len(part))
        step = max(_SLAB // everyone.shape[1], 1)
        for start in range(0, len(part), step):
            totals = self.distance.totals(self.queries[part[start : start + step]], self.columns, everyone)
            best = np.argpartition(totals, count - 1, axis=1)[:, :count]
            positions[start : start + step] = best
            reached[start : start + step] = np.take_along_axis(totals, best, axis=1).max(axis=1)
        return positions, reached

    def certified(self, part: Rows, kth: Floats, reached: Floats) -> NDArray[np.bool_]:
        """Whether the last one kept is nearer than what was left out: nothing is rounded otherwise here."""
        sure: NDArray[np.bool_] = kth < reached
        return sure


def _visitors(cells: NDArray[np.int64]) -> Iterator[tuple[int, tuple[Rows, Rows]]]:
    """Return, for each cell, which queries visit it, and at which place of their lists."""
    flat = cells.ravel()
    order = np.argsort(flat, kind="stable")
    found, starts = np.unique(flat[order], return_index=True)
    for cell, pairs in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        yield cell, divmod(pairs, cells.shape[1])


def by_faiss(faiss: ModuleType) -> Flat:
    """Return the flat search of faiss."""

    def propose(queries: NDArray[Any], index: NDArray[Any], count: int) -> tuple[Rows, Floats]:
        squared, positions = faiss.knn(queries, index, count)
        return positions.astype(np.intp, copy=False), squared.astype(np.float64)

    return propose


def by_numpy(queries: NDArray[Any], index: NDArray[Any], count: int) -> tuple[Rows, Floats]:
    """Search all pairs, in the precision of the rows."""
    padded = np.pad(index, ((0, -len(index) % _GROUP), (0, 0)))
    lengths = np.square(padded).sum(axis=1)
    lengths[len(index) :] = np.inf
    positions = np.empty((len(queries), count), dtype=np.intp)
    squared = np.empty((len(queries), count))
    step = max(_SLAB // len(padded), 1)
    for start in range(0, len(queries), step):
        part = queries[start : start + step]
        slab = part @ padded.T
        slab *= -2
        slab += lengths
        best = _smallest(slab, count)
        positions[start : start + step] = best
        own = np.square(part.astype(np.float64)).sum(axis=1, keepdims=True)
        squared[start : start + step] = np.take_along_axis(slab, best, axis=1).astype(np.float64) + own
    return positions, squared


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

"""Candidates for nearest neighbours, with bounds of their rounding errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels._engines import SLAB, EngineName, Floats, Points, Rows, engine_of
from steelyard.kernels._groups import Groups
from steelyard.kernels.distance import Distance

if TYPE_CHECKING:
    from steelyard.kernels.knn import Visits

_AT_ONCE = 1 << 14  # rows that are copied at once


class Proposer(Protocol):
    """Proposes the nearest rows of some queries, and certifies lists that rounding cannot change."""

    @property
    def careful(self) -> bool:
        """Whether no more precise arithmetic is available."""

    def propose(self, part: Rows, count: int) -> tuple[Rows, Floats]:
        """Return positions of candidates, and a total: all other rows seem at least that far away."""

    def certified(self, part: Rows, kth: Floats, reached: Floats) -> NDArray[np.bool_]:
        """Return whether all rows that were not proposed are farther than the k-th neighbour, at the total `kth`."""


class Embedded:
    """Proposes by squared Euclidean distances of embedded rows, in float32, or in float64 if `careful`.

    Points are centred and scaled into the unit cube, where rounding is smallest. Positions are places in `kept`, the
    rows of the index that are searched. With `visits`, only pairs within cells are compared. The engine is made when it
    is first needed: importing faiss takes a third of a second.
    """

    def __init__(
        self, queries: Floats, index: Floats, kept: Rows, engine: EngineName, careful: bool, visits: Visits | None
    ) -> None:
        self._queries, self._engine, self.careful = queries, engine, careful
        self._centre = index.mean(axis=0) if len(index) else np.zeros(queries.shape[1])
        edges = [edge(rows, axis=0) for rows in (queries, index) if len(rows) for edge in (np.min, np.max)]
        extent = max((float(np.abs(edge - self._centre).max()) for edge in edges), default=0.0)
        self._unit = float(2.0 ** np.ceil(np.log2(extent))) if extent > 0 else 1.0
        self._kind: type[np.floating[Any]] = np.float64 if careful else np.float32
        self._columns = np.empty((index.shape[1] + 1, len(kept)), dtype=self._kind)  # one more for groups
        self._see(index, kept, self._columns[:-1].T)
        self._visits = visits
        self._in_cells = engine_of(engine).in_cells(self._rows, visits.index) if visits else None
        self._groups: Groups | None = None

    @cached_property
    def _rows(self) -> Points:
        return np.ascontiguousarray(self._columns[:-1].T)

    def _seen(self, part: Rows) -> Points:
        """Return some queries, centred and scaled."""
        seen = np.empty((len(part), self._queries.shape[1]), dtype=self._kind)
        self._see(self._queries, part, seen)
        return seen

    def _see(self, rows: Floats, which: Rows, seen: Points) -> None:
        for start in range(0, len(which), _AT_ONCE):
            part = which[start : start + _AT_ONCE]
            seen[start : start + len(part)] = (rows[part] - self._centre) / self._unit

    def propose(self, part: Rows, count: int) -> tuple[Rows, Floats]:
        """Return positions, and the total they reach."""
        queries = self._seen(part)
        if self._visits is None or self._in_cells is None:
            positions, squared = self._everywhere(queries, count)
            return positions, squared.max(axis=1)
        return self._in_cells(queries, self._visits.queries[part], count)

    def share_compared(self, count: int, size: int) -> float:
        """Return the share of all pairs that are compared, with groups of some size."""
        groups = Groups(self._columns, len(self._queries), size)
        groups.propose(self._seen(np.arange(len(self._queries))), count)
        return groups.compared / (len(self._queries) * int(self._columns.shape[1]))

    def _everywhere(self, queries: Points, count: int) -> tuple[Rows, Floats]:
        if self._groups is None and Groups.pay(len(queries), self._columns.shape[1]):
            self._groups = Groups(self._columns, len(queries))
        if self._groups is None:
            return engine_of(self._engine).flat(queries, self._rows, count)
        return self._groups.propose(queries, count)

    def certified(self, part: Rows, kth: Floats, reached: Floats) -> NDArray[np.bool_]:
        """Return whether all rows that were not proposed are farther than the k-th neighbour.

        A row y as near to the query x as the k-th neighbour, at distance r, has |y| <= |x| + r. That bounds the
        rounding error of its proposed distance: with coordinates of at most 1, the error of |x|² + |y|² - 2xy, summed
        in any order, is below (d + 8) u length². The bound is doubled.
        """
        scaled = kth / self._unit**2
        queries = self._seen(part)
        length = 2 * np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64)) + np.sqrt(scaled)
        length = np.where(np.isfinite(kth), length, 0.0)
        info, width = np.finfo(self._kind), queries.shape[1]
        bound = (width + 8) * float(info.eps) * np.square(length) + width * float(info.tiny) * 16
        sure: NDArray[np.bool_] = (scaled * (1 + 1e-12) + bound < reached) | np.isinf(reached)
        return sure


@dataclass(frozen=True)
class Compared:
    """Compares all pairs by the distance itself: for distances without an embedding."""

    distance: Distance
    queries: Floats
    columns: Floats
    careful: bool = True

    def propose(self, part: Rows, count: int) -> tuple[Rows, Floats]:
        """Return positions, and the total they reach."""
        everyone = np.arange(self.columns.shape[1])[None, :]
        positions = np.empty((len(part), count), dtype=np.intp)
        reached = np.empty(len(part))
        step = max(SLAB // everyone.shape[1], 1)
        for start in range(0, len(part), step):
            totals = self.distance.totals(self.queries[part[start : start + step]], self.columns, everyone)
            best = np.argpartition(totals, count - 1, axis=1)[:, :count]
            positions[start : start + step] = best
            reached[start : start + step] = np.take_along_axis(totals, best, axis=1).max(axis=1)
        return positions, reached

    def certified(self, part: Rows, kth: Floats, reached: Floats) -> NDArray[np.bool_]:
        """Return whether the k-th neighbour is nearer than all other rows; totals are final here."""
        sure: NDArray[np.bool_] = kth < reached
        return sure

"""Fast searches in the precision of their input: by faiss, or by NumPy where faiss is not installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Points = NDArray[np.floating[Any]]
Rows = NDArray[np.intp]
Flat = Callable[[NDArray[Any], NDArray[Any], int], tuple[Rows, Floats]]
EngineName = Literal["auto", "faiss", "numpy"]
InCells = Callable[[NDArray[Any], NDArray[np.int64], int], tuple[Rows, Floats]]

NOWHERE = -1
"""Fills a list of positions that is too short."""

_GROUP = 64  # columns with a minimum of their own
SLAB = 1 << 22  # distances held at once


@dataclass(frozen=True)
class Engine:
    """The engine of a search.

    Attributes
    ----------
    flat : callable
        (queries, index, count) -> (positions, squared distances), among all pairs.
    in_cells : callable
        (index, cell of each row) -> a search (queries, cells of each query, count) -> (positions, `NOWHERE` where the
        cells hold fewer rows; a squared distance that no other row of the cells is below).
    """

    flat: Flat
    in_cells: Callable[[NDArray[Any], NDArray[np.int64]], InCells]


def engine_of(name: EngineName) -> Engine:
    """Return an engine; "auto" is faiss where it is installed."""
    if name == "numpy":
        return NUMPY
    try:
        faiss = importlib.import_module("faiss")
    except ModuleNotFoundError:
        if name == "faiss":
            raise
        return NUMPY
    faiss.omp_set_num_threads(1)  # Spark already runs a task on each core
    return Engine(_faiss_flat(faiss), lambda index, cells: _faiss_in_cells(faiss, index, cells))


def _faiss_flat(faiss: ModuleType) -> Flat:
    def propose(queries: NDArray[Any], index: NDArray[Any], count: int) -> tuple[Rows, Floats]:
        squared, positions = faiss.knn(queries, index, count)
        return positions.astype(np.intp, copy=False), squared.astype(np.float64)

    return propose


def _faiss_in_cells(faiss: ModuleType, index: NDArray[Any], cells: NDArray[np.int64]) -> InCells:
    """Search faiss's inverted lists, with our cells as lists."""
    width, n_cells = index.shape[1], int(cells.max(initial=0)) + 1
    lists = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, n_cells)
    lists.is_trained = True
    kept = np.ascontiguousarray(cells, dtype=np.int64)
    lists.add_core(len(index), faiss.swig_ptr(index), None, faiss.swig_ptr(kept))

    def propose(queries: NDArray[Any], visited: NDArray[np.int64], count: int) -> tuple[Rows, Floats]:
        # faiss reads the next query's lists if a query visits more lists than exist.
        there = -np.sort(-np.where(visited < n_cells, visited, NOWHERE), axis=1)[:, :n_cells]
        there = np.ascontiguousarray(there, dtype=np.int64)
        lists.nprobe = there.shape[1]
        squared, positions = lists.search_preassigned(queries, count, there, np.zeros(there.shape, dtype=np.float32))
        reached = np.where(positions[:, -1] == NOWHERE, np.inf, squared.max(axis=1).astype(np.float64))
        return positions.astype(np.intp, copy=False), reached

    return propose


def _one_by_one(flat: Flat) -> Callable[[NDArray[Any], NDArray[np.int64]], InCells]:
    """Search each cell for the queries that visit it."""

    def in_cells(index: NDArray[Any], cells: NDArray[np.int64]) -> InCells:
        order = np.argsort(cells, kind="stable")
        found, starts = np.unique(cells[order], return_index=True)
        members = dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))
        return lambda queries, visited, count: _in_members(flat, index, members, queries, visited, count)

    return in_cells


def _in_members(
    flat: Flat,
    index: NDArray[Any],
    members: dict[int, Rows],
    queries: NDArray[Any],
    cells: NDArray[np.int64],
    count: int,
) -> tuple[Rows, Floats]:
    probes = cells.shape[1]
    positions = np.full((len(queries), probes, count), NOWHERE, dtype=np.int32)
    totals = np.full((len(queries), probes, count), np.inf, dtype=index.dtype)
    reached = np.full(len(queries), np.inf)
    for cell, (who, slot) in _visitors(cells):
        rows = members.get(cell)
        if rows is None:
            continue
        found, squared = flat(queries[who], index[rows], min(count, len(rows)))
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


def _visitors(cells: NDArray[np.int64]) -> Iterator[tuple[int, tuple[Rows, Rows]]]:
    """Yield each cell with the queries that visit it, and the cell's place in their lists."""
    flat = cells.ravel()
    order = np.argsort(flat, kind="stable")
    found, starts = np.unique(flat[order], return_index=True)
    for cell, pairs in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        yield cell, divmod(pairs, cells.shape[1])


def by_numpy(queries: NDArray[Any], index: NDArray[Any], count: int) -> tuple[Rows, Floats]:
    """Search all pairs, in the precision of the rows."""
    padded = np.pad(index, ((0, -len(index) % _GROUP), (0, 0)))
    lengths = np.square(padded).sum(axis=1)
    lengths[len(index) :] = np.inf
    positions = np.empty((len(queries), count), dtype=np.intp)
    squared = np.empty((len(queries), count))
    step = max(SLAB // len(padded), 1)
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
    """Return the positions of the `count` smallest values of each row.

    They are in the groups of columns with the smallest minima, which are faster to find than a selection.
    """
    groups = values.reshape(len(values), -1, _GROUP)
    if groups.shape[1] <= 4 * count:
        return np.argpartition(values, count - 1, axis=1)[:, :count]
    chosen = np.argpartition(groups.min(axis=2), count - 1, axis=1)[:, :count]
    inside = np.take_along_axis(groups, chosen[:, :, None], axis=1).reshape(len(values), -1)
    best = np.argpartition(inside, count - 1, axis=1)[:, :count]
    return np.take_along_axis(chosen, best // _GROUP, axis=1) * _GROUP + best % _GROUP


NUMPY = Engine(by_numpy, _one_by_one(by_numpy))

"""The work of Python workers for a table: count cells, and bring equal hashes together to count their parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames.parts import Part, by_bucket, received, sent, slot
from steelyard.guards._cell_task import Aggregates, CellCounter
from steelyard.kernels.arrays import Counts

SAME, CELLS = "same", "cells"
_WAITING = 1 << 20  # rows of a kind that are sent together

Hashed = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], Counts | None]
"""Two hashes, the part, and the number of rows with them; None for one each."""


def partial(
    batches: Iterable[pa.RecordBatch], *, kinds: int, cells: Aggregates | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield hashes and cells of the rows of a partition.

    The first columns are, for each kind, two hashes and the number of a part; the others are those of the cells.
    """
    return sent(_parts(batches, kinds, cells))


def _parts(batches: Iterable[pa.RecordBatch], kinds: int, cells: Aggregates | None) -> Iterator[Part]:
    waiting: list[list[Hashed]] = [[] for _ in range(kinds)]
    counter = CellCounter(cells or {})
    rows = 0
    for batch in batches:
        for kind in range(kinds):
            low, high, part = batch.columns[3 * kind : 3 * kind + 3]
            known = np.asarray(part.is_valid())
            these = part.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint8)
            waiting[kind].append((low.to_numpy()[known], high.to_numpy()[known], these[known], None))
        if cells is not None:
            counter.add_rows(batch)
        rows += batch.num_rows
        if rows >= _WAITING:
            yield from _all_in_buckets(waiting)
            rows = 0
    yield from _all_in_buckets(waiting)
    if counter:
        yield slot(CELLS), counter.merged()


def _all_in_buckets(waiting: Sequence[list[Hashed]]) -> Iterator[Part]:
    for kind, of in enumerate(waiting):
        yield from _in_buckets(kind, of)
        of.clear()


def _in_buckets(kind: int, waiting: Sequence[Hashed]) -> Iterator[Part]:
    low, high, part = (np.concatenate([of[i] for of in waiting]) for i in range(3)) if waiting else _NONE
    for bucket, at in by_bucket(low.view(np.uint64)):
        yield slot(SAME, kind, bucket), _fewer((low[at], high[at], part[at], None))


_NONE = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))


def _fewer(rows: Hashed) -> Hashed:
    """Count equal rows if that leaves less than half of them, else return the rows."""
    low, high, part, _ = rows
    ordered = np.sort(low)
    if 2 * np.count_nonzero(ordered[1:] != ordered[:-1]) + 2 > len(low):
        return rows
    order = np.lexsort((part, high, low))
    low, high, part = low[order], high[order], part[order]
    starts = np.flatnonzero(_first(low, high) | np.concatenate([[True], part[1:] != part[:-1]]))
    return low[starts], high[starts], part[starts], np.diff([*starts, len(low)])


def _order(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return an order that brings equal pairs of hashes together."""
    order: NDArray[np.intp] = np.argsort(low)
    ordered, other = low[order], high[order]
    if ((ordered[1:] == ordered[:-1]) & (other[1:] != other[:-1])).any():  # two values of one first hash
        return np.lexsort((high, low))
    return order


def _first(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of ordered rows differ from the row before."""
    return np.concatenate([[True], (low[1:] != low[:-1]) | (high[1:] != high[:-1])])


def whole(
    batches: Iterable[pa.RecordBatch], *, parts: int, cells: Aggregates | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the cells; and for each kind and set of parts, as bits, the values in just these parts, with their rows."""
    return sent(_merged(batches, parts, cells or {}))


def _merged(batches: Iterable[pa.RecordBatch], parts: int, cells: Aggregates) -> Iterator[Part]:
    buckets: dict[tuple[str, ...], list[Hashed]] = {}
    counter = CellCounter(cells)
    for batch in batches:
        for (what, *place), data in received(batch):
            if what == CELLS:
                counter.add(data)
            else:
                buckets.setdefault(tuple(place), []).append(data)
    if counter:
        yield slot(CELLS), counter.merged()
    found: Counter[tuple[int, int]] = Counter()
    of_parts: dict[tuple[int, int], Counts] = {}
    for kind, bucket in list(buckets):
        for bits, values, rows in _overlaps(buckets.pop((kind, bucket)), parts):
            at = int(kind), bits
            found[at] += values
            of_parts[at] = of_parts.get(at, 0) + rows
    yield from ((slot(SAME, *at), (n, of_parts[at].tolist())) for at, n in found.items())


def _overlaps(bucket: Sequence[Hashed], parts: int) -> Iterator[tuple[int, int, Counts]]:
    low, high, part = (np.concatenate([rows[i] for rows in bucket]) for i in range(3))
    rows = np.concatenate([np.ones(len(of[0]), np.int64) if of[3] is None else of[3] for of in bucket])
    order = _order(low, high)
    starts = np.flatnonzero(_first(low[order], high[order]))
    part, rows = part[order], rows[order]
    counts = np.stack([np.add.reduceat(np.where(part == p, rows, 0), starts) for p in range(parts)])
    bits = ((counts > 0) << np.arange(parts)[:, None]).sum(axis=0)
    for each in np.unique(bits):
        these = bits == each
        yield int(each), int(these.sum()), counts[:, these].sum(axis=1)

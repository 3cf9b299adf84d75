"""The work of Python workers for equal values: bring hashes together, count the parts of a table that they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames.parts import Part, by_bucket, received, sent, slot
from steelyard.kernels.arrays import Counts

_WAITING = 1 << 20  # rows of a kind that wait to be sent

Hashed = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], Counts | None]
"""Two hashes, the part, and how many rows have them; None for one each."""


def partial(batches: Iterable[pa.RecordBatch], *, kinds: int) -> Iterator[pa.RecordBatch]:
    """Yield the hashes of a partition's rows: for each kind three columns, two hashes and the number of a part."""
    return sent(_parts(batches, kinds))


def _parts(batches: Iterable[pa.RecordBatch], kinds: int) -> Iterator[Part]:
    waiting: list[list[Hashed]] = [[] for _ in range(kinds)]
    rows = 0
    for batch in batches:
        for kind in range(kinds):
            low, high, part = batch.columns[3 * kind : 3 * kind + 3]
            known = np.asarray(part.is_valid())
            these = part.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint8)
            waiting[kind].append((low.to_numpy()[known], high.to_numpy()[known], these[known], None))
        rows += batch.num_rows
        if rows >= _WAITING:
            for kind, of in enumerate(waiting):
                yield from _in_buckets(kind, of)
                of.clear()
            rows = 0
    for kind, of in enumerate(waiting):
        yield from _in_buckets(kind, of)


def _in_buckets(kind: int, waiting: Sequence[Hashed]) -> Iterator[Part]:
    low, high, part = (np.concatenate([of[i] for of in waiting]) for i in range(3)) if waiting else _NONE
    for bucket, at in by_bucket(low.view(np.uint64)):
        yield slot("same", kind, bucket), _fewer((low[at], high[at], part[at], None))


_NONE = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))


def _fewer(rows: Hashed) -> Hashed:
    """Return rows that are the same as one, with their number, where that leaves less than half of them."""
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
    """Return which of ordered rows have other hashes than the one before."""
    return np.concatenate([[True], (low[1:] != low[:-1]) | (high[1:] != high[:-1])])


def whole(batches: Iterable[pa.RecordBatch], *, parts: int) -> Iterator[pa.RecordBatch]:
    """Yield, for each kind and set of parts, as bits: values that are in just these parts, and their rows in each."""
    buckets: dict[str, list[Hashed]] = {}
    for batch in batches:
        for (_, kind, bucket), rows in received(batch):
            buckets.setdefault(slot(kind, int(bucket)), []).append(rows)
    found: Counter[tuple[int, int]] = Counter()
    of_parts: dict[tuple[int, int], Counts] = {}
    for name in list(buckets):
        for bits, values, rows in _overlaps(buckets.pop(name), parts):
            at = int(name.split(":")[0]), bits
            found[at] += values
            of_parts[at] = of_parts.get(at, 0) + rows
    return sent((slot("same", *at), (n, of_parts[at].tolist())) for at, n in found.items())


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

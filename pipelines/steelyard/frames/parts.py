"""Results of partitions that workers put together: NumPy arrays and small values, sent to tasks by name.

A first task looks at the rows of a partition and sends parts, each for a slot. All parts for one slot meet in a second
task, which puts them together. Merges must be exact, so that the result is the same in any partitioning.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames.workers import then_importing

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Part = tuple[str, Any]
Hashes = NDArray[np.uint64]

BUCKETS = 256
"""Slots that hashes are divided among."""

_SCHEMA = "slot string, data binary"
_TOGETHER = 1 << 20  # bytes in a batch of parts


def put_together(
    rows: DataFrame, first: Callable[[Any], Any], second: Callable[[Any], Any]
) -> list[tuple[list[str], Any]]:
    """Run two tasks; return what the second ones yield, with kind and place of the slot.

    One scan, one action, two crossings into Python, one shuffle of what the first tasks send.

    Parameters
    ----------
    rows : DataFrame
    first, second : callable
        As from `steelyard.frames.workers.in_worker`: they get record batches and return those of `sent`.
    """
    begin = then_importing(rows.sparkSession, first)
    merged = rows.mapInArrow(begin, _SCHEMA).repartition("slot").mapInArrow(second, _SCHEMA)
    return [part for batch in merged.toArrow().to_batches() for part in received(batch)]


def slot(kind: str, *place: int) -> str:
    """Return the name of a slot."""
    return ":".join([kind, *map(str, place)])


def sent(parts: Iterable[Part]) -> Iterator[pa.RecordBatch]:
    """Yield parts as rows, many in a batch."""
    slots: list[str] = []
    blobs: list[bytes] = []
    size = 0
    for name, data in parts:
        slots.append(name)
        blobs.append(pickle.dumps(data, protocol=5))
        size += len(blobs[-1])
        if size > _TOGETHER:
            yield _batch(slots, blobs)
            slots, blobs, size = [], [], 0
    if slots:
        yield _batch(slots, blobs)


def _batch(slots: Sequence[str], blobs: Sequence[bytes]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(slots, pa.string()), pa.array(blobs, pa.binary())], ["slot", "data"])


def received(batch: pa.RecordBatch) -> Iterator[tuple[list[str], Any]]:
    """Yield kind and place of the slot, and the data, of each part."""
    for name, blob in zip(batch.column(0).to_pylist(), batch.column(1), strict=True):
        yield name.split(":"), pickle.loads(blob.as_buffer())


def by_bucket(hashes: Hashes) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield the number of each bucket, and the places of its hashes: of those that begin with the same 8 bits."""
    buckets = (hashes >> np.uint64(56)).astype(np.uint8)
    order = np.argsort(buckets, kind="stable")
    found, starts = np.unique(buckets[order], return_index=True)
    if len(found):
        yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True)

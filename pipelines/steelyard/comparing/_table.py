"""The rows of folds: packed in blocks, which Spark copies at once for each task, and as arrays in a task's memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.kernels.arrays import Counts, Floats
from steelyard.learning.arrays import ArrayRows, by_task
from steelyard.learning.packed import joined, matrix

SIDES = ("train", "test")
"""Columns of whole numbers: bit i says whether fold i trains, or tests, with the row."""
BLOCKS = "number bigint, records binary, features binary"
_COLUMNS = {
    "label": "<f8",
    "weight": "<f8",
    "place": "<i8",
    "order": "<i8",
    "bucket": "<i4",
    "cost_fn": "<f8",
    "cost_fp": "<f8",
}
_RECORD = np.dtype([*_COLUMNS.items(), *((name, "<i8") for name in SIDES)])
_BLOCK = 16_384
"""Bytes of a block, about: Spark copies 10,000 blocks at once by default."""
_RANGE_BITS = 40  # blocks of a range of rows, at most
_SCHEMA = pa.schema([("number", pa.int64()), ("records", pa.binary()), ("features", pa.binary())])


@dataclass(frozen=True)
class Table:
    """The rows of one task in memory."""

    features: NDArray[np.float32]
    label: Floats
    weight: Floats
    place: Counts
    order: Counts
    test: NDArray[np.bool_]
    bucket: Counts
    cost_fn: Floats
    cost_fp: Floats

    @classmethod
    def of(cls, parts: list[pa.RecordBatch], task: int) -> Table:
        """Return the rows with which one fold trains or tests, of the blocks of all rows."""
        records = np.concatenate([joined(part.column("records")).view(_RECORD) for part in parts])
        features = np.concatenate([joined(part.column("features")).view(np.float32) for part in parts])
        features = features.reshape(len(records), -1)
        train, test = ((records[name] >> task & 1) > 0 for name in SIDES)
        used = train | test
        if not used.all():
            records, features, test = records[used], features[used], test[used]
        return cls(features, test=test, **{name: np.ascontiguousarray(records[name]) for name in _COLUMNS})

    def rows(self, chosen: NDArray[np.bool_]) -> ArrayRows:
        """Return the training rows of a model."""
        return ArrayRows(self.features[chosen], self.label[chosen], self.weight[chosen])


def pack(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of each range in numbered blocks, in their order."""
    for number, parts in by_task(batches):
        first = number << _RANGE_BITS
        for batch in parts:
            blocks = _blocks(batch, first)
            first += len(blocks)
            yield blocks


def _blocks(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    """Return the rows of a batch in blocks, whose numbers begin with `first`."""
    records, features = np.empty(len(batch), _RECORD), matrix(batch.column("features"))
    for name in _RECORD.names or ():
        records[name] = batch.column(name).to_numpy(zero_copy_only=False)
    size = max(_BLOCK // (_RECORD.itemsize + features.shape[1] * features.itemsize), 1)
    starts = range(0, len(batch), size)
    blocks = ([of[start : start + size].tobytes() for start in starts] for of in (records, features))
    numbers = pa.array(range(first, first + len(starts)), pa.int64())
    return pa.RecordBatch.from_arrays([numbers, *(pa.array(of, pa.binary()) for of in blocks)], schema=_SCHEMA)

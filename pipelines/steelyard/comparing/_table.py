"""The rows of one task in memory, and packed in blocks, which Spark caches and copies at once for each candidate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.kernels.arrays import Counts, Floats
from steelyard.learning.arrays import ArrayRows, runs
from steelyard.learning.packed import joined, matrix

PACKED = "task int, records binary, features binary"
_SCHEMA = pa.schema([("task", pa.int32()), ("records", pa.binary()), ("features", pa.binary())])
_RECORD = np.dtype(
    [
        ("label", "<f8"),
        ("weight", "<f8"),
        ("place", "<i8"),
        ("order", "<i8"),
        ("test", "?"),
        ("bucket", "<i4"),
        ("cost_fn", "<f8"),
        ("cost_fp", "<f8"),
    ]
)
_BLOCK = 16_384
"""Bytes of a block, about: Spark copies 10,000 blocks at once by default."""


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
    def of(cls, parts: list[pa.RecordBatch]) -> Table:
        """Return the rows of blocks that `pack` made."""
        records = np.concatenate([joined(part.column("records")).view(_RECORD) for part in parts])
        features = np.concatenate([joined(part.column("features")).view(np.float32) for part in parts])
        columns = {name: np.ascontiguousarray(records[name]) for name in _RECORD.names or ()}
        return cls(features.reshape(len(records), -1), **columns)

    def rows(self, chosen: NDArray[np.bool_]) -> ArrayRows:
        """Return the training rows of a model."""
        return ArrayRows(self.features[chosen], self.label[chosen], self.weight[chosen])


def pack(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield blocks of rows of one task, in the order of the rows; the first column holds the task's number."""
    for batch in batches:
        for task, part in runs(batch):
            records, features = np.empty(len(part), _RECORD), matrix(part.column("features"))
            for name in _RECORD.names or ():
                records[name] = part.column(name).to_numpy(zero_copy_only=False)
            size = max(_BLOCK // (_RECORD.itemsize + features.shape[1] * features.itemsize), 1)
            starts = range(0, len(part), size)
            blocks = [[of[start : start + size].tobytes() for start in starts] for of in (records, features)]
            tasks = pa.array(np.full(len(starts), task, np.int32))
            yield pa.RecordBatch.from_arrays([tasks, *(pa.array(of, pa.binary()) for of in blocks)], schema=_SCHEMA)

"""Features of a row as bytes: Spark then copies a row's features at once, and not number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray


def packed(features: NDArray[np.float32]) -> pa.BinaryArray:
    """Return the rows of a matrix as binary values."""
    rows, width = features.shape
    ends = np.arange(rows + 1, dtype=np.int64) * (4 * width)
    if ends[-1] > np.iinfo(np.int32).max:
        raise ValueError(f"a batch of {rows:,} rows of {width:,} features has more than 2 GiB")
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(features))]
    return pa.BinaryArray.from_buffers(pa.binary(), rows, buffers)


def matrix(features: pa.Array) -> NDArray[np.float32]:
    """Return features as a matrix: a view of packed ones, and of lists of floats."""
    if not len(features):
        return np.empty((0, 0), np.float32)
    if not pa.types.is_binary(features.type) and not pa.types.is_large_binary(features.type):
        numbers: NDArray[Any] = features.flatten().to_numpy(zero_copy_only=False)
        return numbers.reshape(len(features), -1)
    return joined(features).view(np.float32).reshape(len(features), -1)


def joined(values: pa.Array) -> NDArray[np.uint8]:
    """Return the bytes of binary values, one after the other: a view."""
    if not len(values):
        return np.empty(0, np.uint8)
    kind = np.int32 if pa.types.is_binary(values.type) else np.int64
    ends = np.frombuffer(values.buffers()[1], kind)[values.offset :]
    return np.frombuffer(values.buffers()[2], np.uint8, int(ends[len(values)] - ends[0]), int(ends[0]))


def floats_of(batch: pd.DataFrame | pd.Series) -> NDArray[np.float32]:
    """Return as a matrix what a pandas UDF gets of `Preprocessing.floats`: a frame, or a series of arrays."""
    if isinstance(batch, pd.DataFrame) or not len(batch):
        return np.ascontiguousarray(batch.to_numpy(np.float32))
    return np.stack(batch.to_list()).astype(np.float32, copy=False)

"""Features of a row as bytes: Spark then copies a row's features at once, and not number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray


def packed(features: NDArray[np.float32]) -> pa.BinaryArray:
    """Return the rows of a matrix as binary values."""
    return bytes_of(features, np.arange(1, len(features) + 1))


def bytes_of(values: NDArray[Any], ends: NDArray[Any]) -> pa.BinaryArray:
    """Return successive slices of an array as binary values.

    Parameters
    ----------
    values : array
    ends : array of int
        The end of each slice; the last one is the length of `values`.
    """
    stops = np.append(0, ends) * (values.itemsize * int(np.prod(values.shape[1:])))
    if stops[-1] > np.iinfo(np.int32).max:
        raise ValueError(f"a batch of {len(values):,} rows has more than 2 GiB of features")
    buffers = [None, pa.py_buffer(stops.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.BinaryArray.from_buffers(pa.binary(), len(ends), buffers)


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
    stops = stops_of(values) if len(values) else np.zeros(1, np.int32)
    size, start = int(stops[-1] - stops[0]), int(stops[0])
    return np.frombuffer(values.buffers()[2], np.uint8, size, start) if size else np.empty(0, np.uint8)


def stops_of(values: pa.Array) -> NDArray[Any]:
    """Return the offset of each binary value, and the end of the last."""
    kind = np.int32 if pa.types.is_binary(values.type) else np.int64
    return np.frombuffer(values.buffers()[1], kind)[values.offset : values.offset + len(values) + 1]


def floats_of(batch: pd.DataFrame | pd.Series) -> NDArray[np.float32]:
    """Return as a matrix what a pandas UDF gets of `Preprocessing.floats`: a frame, or a series of arrays."""
    if isinstance(batch, pd.DataFrame) or not len(batch):
        return np.ascontiguousarray(batch.to_numpy(np.float32))
    return np.stack(batch.to_list()).astype(np.float32, copy=False)

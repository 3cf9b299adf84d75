"""Columns of Arrow tables as NumPy's arrays, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def scaled(rows: NDArray[np.float64], scale: Sequence[float] | None) -> NDArray[np.float64]:
    """Return rows whose numbers are divided by a scale each, if there is one."""
    return rows if scale is None else rows / np.asarray(scale)


def matrix(rows: pa.Array | pa.ChunkedArray, n_features: int) -> NDArray[np.float64]:
    """Return lists of `n_features` numbers as a matrix; of one array, without a copy."""
    values = [part.flatten().to_numpy(zero_copy_only=False) for part in getattr(rows, "chunks", [rows])]
    flat = values[0] if len(values) == 1 else np.concatenate(values or [np.empty(0)])
    return flat.reshape(-1, n_features)


def by_feature(rows: pa.ChunkedArray, n_features: int, scale: Sequence[float] | None) -> NDArray[np.float64]:
    """Return the rows as columns, scaled: the only copy of all."""
    columns, start = np.empty((n_features, len(rows))), 0
    for chunk in rows.chunks:
        columns[:, start : start + len(chunk)] = scaled(matrix(chunk, n_features), scale).T
        start += len(chunk)
    return columns


def rows_at(rows: pa.ChunkedArray, where: NDArray[np.intp], n_features: int) -> NDArray[np.float64]:
    """Return the rows at some places, without a copy of all."""
    found, start, order = np.empty((len(where), n_features)), 0, np.argsort(where)
    for chunk in rows.chunks:
        first, last = np.searchsorted(where, [start, start + len(chunk)], sorter=order)
        some = order[first:last]
        found[some] = matrix(chunk, n_features)[where[some] - start]
        start += len(chunk)
    return found


def loosened(array: pa.Array) -> pa.Array:
    """Return an array of which every part may be null, as the tasks' results are declared."""
    return array.cast(_loose(array.type))


def _loose(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _loose(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(pa.field(kind.value_field.name, _loose(kind.value_type)))
    return kind


def integers(column: Any) -> NDArray[np.int64]:
    """Return an array or a chunked one without nulls."""
    return np.asarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy())


def positions(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> pa.Array:
    """Return where some ids are among all, in any order."""
    order = np.argsort(ids)
    return pa.array(order[np.searchsorted(ids, wanted, sorter=order)])


def as_lists(sizes: NDArray[np.integer], values: pa.Array) -> pa.Array:
    """Return consecutive values as lists of given sizes."""
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values)

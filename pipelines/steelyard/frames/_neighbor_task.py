"""What one task of the neighbour search does: Arrow in, the kernel, Arrow out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames.workers import one_thread
from steelyard.kernels.knn import NOBODY, Neighbors, nearest

FOUND = "array<struct<squared:double,neighbor:bigint>>"


def search(table: pa.Table, *, k: int, n_features: int, scale: Sequence[float] | None, distinct: bool) -> pa.Table:
    """Search one block of the index for each query of one block.

    Parameters
    ----------
    table : pyarrow.Table
        ``within``, ``row_id``, ``x``, ``indexed``, ``queried``.
    k, n_features, scale, distinct
        As given to `steelyard.frames.neighbors.nearest`.

    Returns
    -------
    pyarrow.Table
        ``within``, ``row_id`` of the queries and ``found``.
    """
    rows, ids = _matrix(table["x"], n_features), table["row_id"].to_numpy()
    if scale is not None:
        rows = rows / np.asarray(scale)
    queried, indexed = (np.flatnonzero(table[name].to_numpy(zero_copy_only=False)) for name in ("queried", "indexed"))
    with one_thread():
        found = nearest(rows[queried], ids[queried], rows[indexed], ids[indexed], k, distinct=distinct)
    asked = table.select(["within", "row_id"]).take(pa.array(queried))
    return asked.append_column("found", _lists(found))


def _matrix(arrays: pa.ChunkedArray, n_features: int) -> NDArray[np.float64]:
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in arrays.chunks]
    return np.concatenate(values or [np.empty(0)]).reshape(-1, n_features)


def _lists(found: Neighbors) -> pa.Array:
    there = found.ids != NOBODY
    pairs = pa.StructArray.from_arrays(
        [pa.array(found.squared[there]), pa.array(found.ids[there])], names=["squared", "neighbor"]
    )
    ends = np.cumsum(there.sum(axis=1), dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([np.zeros(1, np.int32), ends])), pairs)

"""What one task of the search for the farthest rows does: Arrow in, kernels, Arrow out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.frames._arrow import matrix, scaled
from steelyard.frames._neighbor_task import distance_within
from steelyard.frames.workers import one_thread
from steelyard.kernels.farthest import NOTHING, farthest


def search(
    table: pa.Table,
    *,
    k: int,
    n_features: int,
    scale: Sequence[float] | None,
    distance: Mapping[str, Any],
    penalties: Mapping[str, float],
    distinct: bool,
    **_: Any,
) -> pa.Table:
    """Search one block of the index for the rows that are farthest from each query of one block.

    Parameters
    ----------
    table : pyarrow.Table
        ``within``, ``row_id``, ``x``, ``indexed``, ``queried``, ``carried``.
    k, n_features, scale, distance, penalties, distinct
        Of the search.

    Returns
    -------
    pyarrow.Table
        ``within``, ``row_id`` of the queries, what they carry, as ``own``, and ``found``: totals, largest first.
    """
    rows = scaled(matrix(table["x"], n_features), scale)
    queried, indexed = (np.flatnonzero(table[name].to_numpy()) for name in ("queried", "indexed"))
    near = distance_within(table["within"][0].as_py(), distance, penalties)
    with one_thread():
        totals = farthest(rows[queried], rows[indexed], k, distinct=distinct, distance=near)
    there = totals != NOTHING
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    asked = table.select(["within", "row_id", "carried"]).take(pa.array(queried))
    found = pa.ListArray.from_arrays(pa.array(ends), pa.array(totals[there]))
    return asked.rename_columns(["within", "row_id", "own"]).append_column("found", found)

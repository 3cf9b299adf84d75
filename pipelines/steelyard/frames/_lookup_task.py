"""The work of Python workers that look up few rows in a large table: Arrow in and out. Imports no pyspark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames._neighbor_tasks import Floats, TaskSearch
from steelyard.frames.workers import one_thread
from steelyard.kernels.cells import Cells
from steelyard.kernels.gathered import Gathered
from steelyard.kernels.knn import NOBODY


def look_up(
    batches: Iterable[pa.RecordBatch],
    *,
    queries: Floats,
    query_ids: NDArray[np.int64],
    within: str = "",
    centroids: Floats | None = None,
    **settings: Any,
) -> Iterator[pa.RecordBatch]:
    """Find the nearest of the partition's rows for some scaled queries, with as many rows in memory as in one batch.

    Batches have ``row_id``, ``x`` and, without centroids, ``carried``. With centroids, rows carry the number of their
    cell, and the rows of each cell are counted. `within` names the set whose distance is taken. Yields ``query`` (its
    place), ``total``, ``neighbor`` and what that carries; for a cell c, ``query`` -1 - c and its number of ``rows``.
    """
    of = TaskSearch(**settings)
    sizes = np.zeros(0 if centroids is None else len(centroids), dtype=np.int64)
    gathered = Gathered(queries, query_ids, of.k, distinct=of.distinct, distance=of.within(within))
    for batch in batches:
        if not len(batch):
            continue
        rows, row_ids = of.rows(batch["x"]), batch["row_id"].to_numpy()
        with one_thread():
            carried = batch["carried"].to_numpy() if centroids is None else Cells(centroids, 1).of(rows)
            gathered.look(rows, row_ids, carried)
        if centroids is not None:
            sizes += np.bincount(carried, minlength=len(centroids))
    yield _listed(*gathered.listed())
    full = np.flatnonzero(sizes)
    yield _listed(-1 - full, np.zeros(len(full)), np.full(len(full), NOBODY), full, sizes[full])


def _listed(query: Any, total: Any, neighbor: Any, carried: Any, rows: Any = None) -> pa.RecordBatch:
    columns = {
        "query": pa.array(query, pa.int32()),
        "total": pa.array(total, pa.float64()),
        "neighbor": pa.array(neighbor, pa.int64()),
        "carried": pa.array(carried, pa.int32()),
        "rows": pa.array(np.ones(len(query), dtype=np.int64) if rows is None else rows, pa.int64()),
    }
    return pa.record_batch(columns)

"""What one partition says of cells: how many rows they have, and where the neighbours of some queries lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames._arrow import matrix, scaled
from steelyard.frames._neighbor_task import distance_within
from steelyard.frames.workers import one_thread
from steelyard.kernels.cells import Cells
from steelyard.kernels.gathered import Gathered
from steelyard.kernels.knn import NOBODY, nearest


def survey(
    batches: Iterable[pa.RecordBatch],
    *,
    k: int,
    n_features: int,
    scale: Sequence[float] | None,
    within: str,
    distance: Mapping[str, Any],
    penalties: Mapping[str, float],
    distinct: bool,
    centroids: NDArray[np.float64],
    queries: NDArray[np.float64],
    query_ids: NDArray[np.int64],
    **_: Any,
) -> Iterator[pa.RecordBatch]:
    """Count the rows of each cell, and find the queries' neighbours among the partition's rows.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``row_id`` and ``x`` of index rows.
    k, n_features, scale, distance, penalties, distinct
        Of the search.
    within : str
        The set that is searched.
    centroids : array of float64, shape (c, d)
    queries, query_ids : arrays, shapes (n, d) and (n,)

    Yields
    ------
    pyarrow.RecordBatch
        ``query``, ``total``, ``neighbor`` and its ``cell``; for a cell c, ``query`` -1 - c and its number of ``rows``.
    """
    near = distance_within(within, distance, penalties)
    sizes = np.zeros(len(centroids), dtype=np.int64)
    gathered = Gathered(len(queries), k)
    for batch in batches:
        rows = scaled(matrix(batch["x"], n_features), scale)
        row_ids = batch["row_id"].to_numpy()
        with one_thread():
            cell = Cells(centroids, 1).of(rows)
            found = nearest(queries, query_ids, rows, row_ids, k, distinct=distinct, distance=near)
        sizes += np.bincount(cell, minlength=len(centroids))
        gathered.add(found, row_ids, cell)
    who, totals, ids, cells = gathered.listed()
    yield _batch(who, totals, ids, cells, np.ones(len(who)))
    full = np.flatnonzero(sizes)
    yield _batch(-1 - full, np.zeros(len(full)), np.full(len(full), NOBODY), full, sizes[full])


def _batch(query: Any, total: Any, neighbor: Any, cell: Any, rows: Any) -> pa.RecordBatch:
    return pa.record_batch(
        [
            pa.array(query, pa.int32()),
            pa.array(total, pa.float64()),
            pa.array(neighbor, pa.int64()),
            pa.array(cell, pa.int32()),
            pa.array(np.asarray(rows, dtype=np.int64)),
        ],
        names=["query", "total", "neighbor", "cell", "rows"],
    )

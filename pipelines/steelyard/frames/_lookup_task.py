"""What one partition knows of the neighbours of some queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames._arrow import matrix, scaled
from steelyard.frames.workers import one_thread
from steelyard.kernels.distance import Distance
from steelyard.kernels.gathered import Gathered
from steelyard.kernels.knn import nearest


def look_up(
    batches: Iterable[pa.RecordBatch],
    *,
    k: int,
    n_features: int,
    scale: Sequence[float] | None,
    distance: Mapping[str, Any],
    queries: NDArray[np.float64],
    query_ids: NDArray[np.int64],
) -> Iterator[pa.RecordBatch]:
    """Find the queries' nearest among the partition's rows; as many rows are in memory as in one batch.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``row_id``, ``x`` and ``carried``.
    k, n_features, scale, distance
        Of the search.
    queries, query_ids : arrays, shapes (n, d) and (n,)

    Yields
    ------
    pyarrow.RecordBatch
        ``query`` (its place), ``total``, ``neighbor`` and what that carries.
    """
    asked, near = scaled(queries, scale), Distance(**distance)
    gathered = Gathered(len(queries), k)
    for batch in batches:
        if not len(batch):
            continue
        rows = scaled(matrix(batch["x"], n_features), scale)
        row_ids, own = batch["row_id"].to_numpy(), batch["carried"].to_numpy()
        with one_thread():
            found = nearest(asked, query_ids, rows, row_ids, k, distance=near)
        gathered.add(found, row_ids, own)
    query, totals, ids, carried = gathered.listed()
    columns = {
        "query": pa.array(query, pa.int32()),
        "total": pa.array(totals, pa.float64()),
        "neighbor": pa.array(ids, pa.int64()),
        "carried": pa.array(carried, pa.int32()),
    }
    yield pa.record_batch(list(columns.values()), names=list(columns))

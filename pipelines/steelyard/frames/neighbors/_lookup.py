"""Exact neighbours of a few rows in a large table: the few rows are broadcast, and the table is not shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.frames._arrow import scaled
from steelyard.frames.neighbors._search import Search
from steelyard.frames.workers import in_worker
from steelyard.kernels.knn import NOBODY

MOST_BYTES = 4 * 2**20
"""How large the queries may be: they travel with every task."""

_TASK = "steelyard.frames._lookup_task"
_SCHEMA = "query int, total double, neighbor bigint, carried int, rows bigint"


@dataclass(frozen=True)
class Lists:
    """The nearest rows of each query: nearest first, equal distances by ascending id.

    Parameters
    ----------
    ids : array of int64, shape (n, k)
        `steelyard.kernels.knn.NOBODY` at the end of lists that are shorter.
    totals : array of float64, shape (n, k)
        What the distance grows with, as `steelyard.kernels.distance.Distance` says; infinite without a neighbour.
    carried : array of int64, shape (n, k)
    """

    ids: NDArray[np.int64]
    totals: NDArray[np.float64]
    carried: NDArray[np.int64]


def look_up(points: DataFrame, queries: NDArray[np.float64], query_ids: NDArray[np.int64], search: Search) -> Lists:
    """Find the k nearest of all rows for each of some queries, exactly.

    Costs one scan of the points, one crossing into Python, and one shuffle of k × queries short rows of each
    partition. Queries × rows × features multiplications, spread over partitions.

    Parameters
    ----------
    points : DataFrame
        ``row_id`` (bigint), ``x`` (array<double>: finite, no nulls, all of one length) and ``carried`` (int). Rows may
        share an id if they are equal in everything.
    queries : array of float64, shape (n, d)
        Not scaled; of `MOST_BYTES` at most.
    query_ids : array of int64, shape (n,)
        Rows with a query's id are none of its neighbours.
    search : Search
        k, length of a row, scale and distance.
    """
    found = partial_lists(points.select("row_id", "x", "carried"), scaled(queries, search.scale), query_ids, search)
    totals = np.full((len(queries), search.k), np.inf)
    ids, carried = (np.full((len(queries), search.k), NOBODY, dtype=np.int64) for _ in range(2))
    for query, near in zip(found["query"].to_pylist(), found["best"].to_pylist(), strict=True):
        for filled, name in ((ids, "neighbor"), (totals, "total"), (carried, "carried")):
            filled[query, : len(near)] = [n[name] for n in near]
    return Lists(ids, totals, carried)


def partial_lists(
    points: DataFrame, queries: NDArray[np.float64], query_ids: NDArray[np.int64], search: Search, **more: Any
) -> Any:
    """Run the task `look_up`, and merge what partitions return: ``query``, its ``best`` and ``rows``, as Arrow."""
    task = in_worker(_TASK, "look_up", queries=queries, query_ids=query_ids, **more, **search.settings())
    best = F.slice(F.array_sort(F.collect_list(F.struct("total", "neighbor", "carried"))), 1, search.k)
    partial = points.mapInArrow(task, _SCHEMA)
    return partial.groupBy("query").agg(best.alias("best"), F.sum("rows").alias("rows")).toArrow()

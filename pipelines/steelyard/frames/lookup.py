"""Exact neighbours of a few rows in a large table: the few travel to the rows, and the table isn't shuffled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.frames.search import Search
from steelyard.frames.workers import in_worker
from steelyard.kernels.knn import NOBODY

MOST_BYTES = 4 * 2**20
"""How large the queries may be: they travel with every task."""

_TASK = "steelyard.frames._lookup_task"
_SCHEMA = "query int, total double, neighbor bigint, carried int"


@dataclass(frozen=True)
class Lists:
    """The nearest rows of each query: nearest first, equal distances by ascending id.

    Parameters
    ----------
    ids : array of int64, shape (n, k)
        `steelyard.kernels.knn.NOBODY` at the end of lists that are shorter.
    totals : array of float64, shape (n, k)
        What the distance grows with, as `steelyard.kernels.distance.Distance` says; infinite where there is nobody.
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
    settings = {n: v for n, v in search.settings().items() if n in {"k", "n_features", "scale", "distance"}}
    task = in_worker(_TASK, "look_up", queries=queries, query_ids=query_ids, **settings)
    partial = points.select("row_id", "x", "carried").mapInArrow(task, _SCHEMA)
    best = F.slice(F.array_sort(F.collect_list(F.struct("total", "neighbor", "carried"))), 1, search.k)
    named = [F.col("best")[name].alias(name) for name in ("total", "neighbor", "carried")]
    found = partial.groupBy("query").agg(best.alias("best")).select("query", *named).toArrow()
    totals = np.full((len(queries), search.k), np.inf)
    ids, carried = (np.full((len(queries), search.k), NOBODY, dtype=np.int64) for _ in range(2))
    for query, *near in zip(*(found[c].to_pylist() for c in ("query", "neighbor", "total", "carried")), strict=True):
        for filled, values in zip((ids, totals, carried), near, strict=True):
            filled[query, : len(values)] = values
    return Lists(ids, totals, carried)

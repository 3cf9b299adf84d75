"""Neighbours on DataFrames: any blocks and any partitioning give what the kernel gives at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from steelyard.frames.neighbors import BLOCK_BYTES, Layout, lay_out, nearest
from steelyard.kernels import knn

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

N_FEATURES = 3


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = np.vstack([rng.normal(1e6, 1, (70, N_FEATURES)), rng.integers(0, 3, (50, N_FEATURES))])
    return pd.DataFrame(
        {
            "within": ["a"] * 70 + ["b"] * 50,
            "row_id": rng.permutation(10**6)[:120],
            "x": list(x),
            "indexed": True,
            "queried": rng.random(120) < 0.7,
        }
    )


def at_once(rows: pd.DataFrame, distinct: bool, scale: Any = 1.0) -> dict[int, tuple[list[int], list[float]]]:
    result = {}
    for _, part in rows.groupby("within"):
        q, i = part[part.queried], part[part.indexed]
        x = [np.vstack(list(p.x)) / scale if len(p) else np.empty((0, N_FEATURES)) for p in (q, i)]
        found = knn.nearest(x[0], q.row_id.to_numpy(), x[1], i.row_id.to_numpy(), 4, distinct=distinct, engine="numpy")
        for row_id, ids, squared in zip(q.row_id, found.ids, found.squared, strict=True):
            there = ids != knn.NOBODY
            result[row_id] = (ids[there].tolist(), np.sqrt(squared[there]).tolist())
    return result


def on_spark(spark: SparkSession, rows: pd.DataFrame, **settings: Any) -> dict[int, tuple[list[int], list[float]]]:
    points = spark.createDataFrame(
        rows, "within string, row_id bigint, x array<double>, indexed boolean, queried boolean"
    )
    sizes = {str(n): (int(p.queried.sum()), int(p.indexed.sum())) for n, p in rows.groupby("within")}
    found = nearest(points.repartition(3), 4, sizes=sizes, n_features=N_FEATURES, **settings)
    return {r["row_id"]: (r["neighbors"], r["distances"]) for r in found.collect()}


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("block_bytes", [BLOCK_BYTES, 8 * N_FEATURES * 17])
def test_any_blocks_give_the_same_neighbours(
    spark: SparkSession, rows: pd.DataFrame, distinct: bool, block_bytes: int
) -> None:
    assert on_spark(spark, rows, distinct=distinct, block_bytes=block_bytes) == at_once(rows, distinct)


def test_queries_need_not_be_in_the_index(spark: SparkSession, rows: pd.DataFrame) -> None:
    apart = rows.assign(queried=np.arange(120) % 2 == 0, indexed=np.arange(120) % 3 > 0, within="all")
    found = on_spark(spark, apart, block_bytes=8 * N_FEATURES * 20)
    assert found == at_once(apart, False)
    assert set(found) == set(apart.row_id[apart.queried])


def test_distances_are_of_scaled_features(spark: SparkSession, rows: pd.DataFrame) -> None:
    assert on_spark(spark, rows, scale=[1.0, 1e3, 1e-3]) == at_once(rows, False, np.array([1.0, 1e3, 1e-3]))


def test_only_the_named_sets_are_searched(spark: SparkSession, rows: pd.DataFrame) -> None:
    points = spark.createDataFrame(
        rows, "within string, row_id bigint, x array<double>, indexed boolean, queried boolean"
    )
    found = nearest(points, 2, sizes={"b": (50, 50)}, n_features=N_FEATURES)
    assert {r["within"] for r in found.collect()} == {"b"}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": (10, 10)}, {"a": Layout(1, 1, 0)}),
        ({"a": (50_000, 50_000)}, {"a": Layout(2, 1, 0)}),
        ({"a": (10, 10), "b": (10, 10)}, {"a": Layout(1, 1, 0), "b": Layout(1, 1, 1)}),
        ({"a": (5_000_000, 5_000_000)}, {"a": Layout(64, 9, 0)}),
        ({"a": (0, 10)}, {"a": Layout(1, 1, 0)}),
    ],
)
def test_blocks_follow_from_sizes_alone(sizes: Mapping[str, tuple[int, int]], expected: Mapping[str, Layout]) -> None:
    assert lay_out(sizes, 30) == expected

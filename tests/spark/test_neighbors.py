"""Neighbours on DataFrames: any blocks and any partitioning give what the kernel gives at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from steelyard.frames.neighbors import BLOCK_BYTES, Layout, Search, nearest, pairs, with_cells
from steelyard.kernels import knn
from steelyard.kernels.distance import Distance

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

N_FEATURES = 3
SMALL = 8 * N_FEATURES * 30  # three blocks of one set, two of the other


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
        for row_id, ids, squared in zip(q.row_id, found.ids, found.totals, strict=True):
            there = ids != knn.NOBODY
            result[row_id] = (ids[there].tolist(), np.sqrt(squared[there]).tolist())
    return result


SCHEMA = "within string, row_id bigint, x array<double>, indexed boolean, queried boolean"


def search_of(rows: pd.DataFrame, k: int = 4, **settings: Any) -> Search:
    sizes = {str(n): (int(p.queried.sum()), int(p.indexed.sum())) for n, p in rows.groupby("within")}
    return Search(k, len(rows.x.iloc[0]), sizes, **settings)


def on_spark(spark: SparkSession, rows: pd.DataFrame, **settings: Any) -> dict[int, tuple[list[int], list[float]]]:
    points = spark.createDataFrame(rows, SCHEMA)
    found = nearest(points.repartition(3), search_of(rows, **settings))
    return {r["row_id"]: (r["neighbors"], r["distances"]) for r in found.collect()}


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("block_bytes", [BLOCK_BYTES, SMALL])
def test_any_blocks_give_the_same_neighbours(
    spark: SparkSession, rows: pd.DataFrame, distinct: bool, block_bytes: int
) -> None:
    assert on_spark(spark, rows, distinct=distinct, block_bytes=block_bytes) == at_once(rows, distinct)


def test_queries_need_not_be_in_the_index(spark: SparkSession, rows: pd.DataFrame) -> None:
    apart = rows.assign(queried=np.arange(120) % 2 == 0, indexed=np.arange(120) % 3 > 0, within="all")
    found = on_spark(spark, apart, block_bytes=SMALL)
    assert found == at_once(apart, False)
    assert set(found) == set(apart.row_id[apart.queried])


def test_distances_are_of_scaled_features(spark: SparkSession, rows: pd.DataFrame) -> None:
    assert on_spark(spark, rows, scale=(1.0, 1e3, 1e-3)) == at_once(rows, False, np.array([1.0, 1e3, 1e-3]))


def test_only_the_named_sets_are_searched(spark: SparkSession, rows: pd.DataFrame) -> None:
    points = spark.createDataFrame(rows, SCHEMA)
    found = nearest(points, Search(2, N_FEATURES, {"b": (50, 50)}))
    assert {r["within"] for r in found.collect()} == {"b"}


@pytest.mark.parametrize("block_bytes", [BLOCK_BYTES, SMALL])
@pytest.mark.parametrize("name", ["manhattan", "mixed"])
def test_other_distances(spark: SparkSession, rows: pd.DataFrame, name: str, block_bytes: int) -> None:
    distance = Distance("manhattan") if name == "manhattan" else Distance(nominal=1, penalty=0.5)
    lengths = np.array if name == "manhattan" else np.sqrt
    found = on_spark(spark, rows, distance=distance, block_bytes=block_bytes)
    for _, part in rows.groupby("within"):
        x, ids = np.vstack(list(part.x)), part.row_id.to_numpy()
        expected = knn.nearest(x, ids, x, ids, 4, distance=distance)
        for i in np.flatnonzero(part.queried):
            assert found[ids[i]][0] == expected.ids[i].tolist()
            np.testing.assert_allclose(found[ids[i]][1], lengths(expected.totals[i]))


@pytest.mark.parametrize("block_bytes", [BLOCK_BYTES, SMALL])
def test_neighbours_carry_what_they_are_given(spark: SparkSession, rows: pd.DataFrame, block_bytes: int) -> None:
    carried = rows.assign(carried=rows.row_id % 7)
    points = spark.createDataFrame(carried, f"{SCHEMA}, carried bigint")
    found = nearest(points, search_of(rows, block_bytes=block_bytes)).collect()
    assert len(found) == rows.queried.sum()
    assert all([n % 7 for n in r["neighbors"]] == r["carried"] for r in found)


@pytest.mark.parametrize("block_bytes", [BLOCK_BYTES, SMALL])
def test_pairs_and_modes_are_the_same_by_any_blocks(spark: SparkSession, rows: pd.DataFrame, block_bytes: int) -> None:
    full = rows.assign(
        uses=np.where(rows.queried, 1 + rows.row_id % 2, 0),
        row=[{"v": int(i)} for i in rows.row_id],
        carried=[{"c": f"c{i % 3}", "flag": bool(i % 2)} for i in rows.row_id],
    )
    schema = f"{SCHEMA}, uses int, row struct<v:bigint>, carried struct<c:string,flag:boolean>"
    search = search_of(rows, block_bytes=block_bytes)
    made = pairs(spark.createDataFrame(full, schema), search, seed=3, purpose="test").collect()
    lists = at_once(rows, False)
    assert len(made) == full.uses.sum()
    for r in made:
        near = lists[r["seed_id"]][0]
        assert r["seed"]["v"] == r["seed_id"] and r["neighbor"]["v"] == r["neighbor_id"] in near
        for field, values in (("c", [f"c{i % 3}" for i in near]), ("flag", [bool(i % 2) for i in near])):
            assert r["mode"][field] == max(values, key=lambda v, of=values: (of.count(v), -of.index(v)))
    drawn = sorted((r["seed_id"], r["replicate"], r["neighbor_id"], r["gap"]) for r in made)
    once = pairs(spark.createDataFrame(full, schema), search_of(rows), seed=3, purpose="test")
    assert drawn == sorted(map(tuple, once.select("seed_id", "replicate", "neighbor_id", "gap").collect()))


@pytest.mark.parametrize("block_bytes", [BLOCK_BYTES, SMALL])
def test_what_lies_on_the_way_between_a_pair(spark: SparkSession, rows: pd.DataFrame, block_bytes: int) -> None:
    full = rows.assign(uses=rows.queried.astype(int), row=[{"v": int(i)} for i in rows.row_id])
    points = spark.createDataFrame(full, f"{SCHEMA}, uses int, row struct<v:bigint>")
    search = search_of(rows, block_bytes=block_bytes, scale=(2.0,) * N_FEATURES)
    made = pairs(points, search, seed=3, purpose="test", numbers=2).collect()
    assert len(made) == full.uses.sum()
    x = dict(zip(rows.row_id, rows.x, strict=True))
    for r in made:
        a, b = x[r["seed_id"]][:2], x[r["neighbor_id"]][:2]
        way = np.clip(a + r["gap"] * (b - a), np.minimum(a, b), np.maximum(a, b))
        assert r["way"] == way.tolist(), "in the units of the rows"


@pytest.fixture(scope="module")
def clustered() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    x = rng.normal(0, 5, (15, 4))[rng.integers(0, 15, 3000)] + rng.normal(size=(3000, 4))
    return pd.DataFrame(
        {"within": "c", "row_id": rng.permutation(10**6)[:3000], "x": list(x), "indexed": True, "queried": True}
    )


def rows_of_blocks(search: Search) -> np.ndarray:
    return np.bincount([first for first, _ in search.blocks("c")], weights=search.divisions["c"].sizes)


Found = dict[int, list[int]]


def found_by(points: DataFrame, search: Search) -> Found:
    return {r["row_id"]: r["neighbors"] for r in nearest(points, search).collect()}


@pytest.fixture(scope="module")
def in_cells(spark: SparkSession, clustered: pd.DataFrame) -> tuple[DataFrame, Search, Found]:
    """Points, a search by cells, and what it finds."""
    points = spark.createDataFrame(clustered, SCHEMA)
    search = with_cells(points, search_of(clustered), how="cells", recall=0.9)
    return points, search, found_by(points, search)


def test_cells_find_what_they_measured(clustered: pd.DataFrame, in_cells: tuple[DataFrame, Search, Found]) -> None:
    _, search, found = in_cells
    division = search.divisions["c"]
    assert sum(division.sizes) == 3000 and 20 < len(division.sizes) <= 109
    assert 0.9 <= division.recall < 1 and search.comparisons("c") < 3000 * 3000 / 2
    exact = at_once(clustered, False)
    recall = np.mean([len(set(found[i]) & set(n)) / 4 for i, (n, _) in exact.items()])
    assert abs(recall - division.recall) < 0.03 and recall > 0.89


@pytest.mark.long
def test_cells_are_the_same_in_any_blocks_and_partitions(
    clustered: pd.DataFrame, in_cells: tuple[DataFrame, Search, Found]
) -> None:
    points, search, found = in_cells
    division = search.divisions["c"]
    other = with_cells(points.repartition(5), search_of(clustered), how="cells", recall=0.9)
    assert np.array_equal(other.divisions["c"].cells.centroids, division.cells.centroids)
    assert (other.divisions["c"].recall, other.divisions["c"].sizes) == (division.recall, division.sizes)

    small = search_of(clustered, block_bytes=8 * 4 * 400, divisions=search.divisions)
    assert small.layouts()["c"].index >= 8
    assert found_by(points, small) == found
    tiny = search_of(clustered, block_bytes=8 * 4 * 100, divisions=search.divisions)
    assert max(last - first for first, last in tiny.blocks("c")) > 0, "a cell that is too big is cut again"
    assert np.ptp(rows_of_blocks(small)) < 2 * max(division.sizes), "blocks are of about one size"
    assert found_by(points, tiny) == found


def test_cells_are_for_searches_that_they_make_cheaper(
    spark: SparkSession, clustered: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, search = spark.createDataFrame(clustered, SCHEMA), search_of(clustered)
    assert with_cells(points, search) is search, "small enough to be exact"
    monkeypatch.setattr("steelyard.frames.neighbors._cells.AFFORDABLE", 1.0)
    exact = with_cells(points, search)
    assert not exact.divisions and 0.05 < exact.shares["c"] < 0.3, "cells would save less than they cost"
    monkeypatch.setattr("steelyard.frames.neighbors._cells._FINDING", 1)
    assert with_cells(points, search, how="exact") == exact
    monkeypatch.setattr("steelyard.frames.neighbors._search._IN_CELLS", 0.1)
    assert set(with_cells(points, search).divisions) == {"c"}
    monkeypatch.undo()
    monkeypatch.setattr("steelyard.frames.neighbors._cells.AFFORDABLE", 1.0)
    monkeypatch.setattr("steelyard.frames.neighbors._cells._FINDING", 1)
    rng = np.random.default_rng(6)
    shapeless = clustered.assign(x=list(rng.normal(size=(3000, 40))))
    wide = with_cells(spark.createDataFrame(shapeless, SCHEMA), search_of(shapeless))
    assert not wide.divisions and wide.shares["c"] > 0.95, "no cell holds the neighbours"


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": (10, 10)}, {"a": Layout(1, 1, 0)}),
        ({"a": (50_000, 50_000)}, {"a": Layout(2, 1, 0)}),
        ({"a": (10, 10), "b": (10, 10)}, {"a": Layout(1, 1, 0), "b": Layout(1, 1, 1)}),
        ({"a": (5_000_000, 5_000_000)}, {"a": Layout(16, 6, 0)}),
        ({"a": (0, 10)}, {"a": Layout(1, 1, 0)}),
    ],
)
def test_blocks_follow_from_sizes_alone(sizes: Mapping[str, tuple[int, int]], expected: Mapping[str, Layout]) -> None:
    assert Search(5, 30, sizes).layouts() == expected

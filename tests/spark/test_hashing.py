"""Row identity and exact cuts, against brute force."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard import hashing
from steelyard.columns import class_text
from steelyard.errors import InputError
from steelyard.hashing import _cuts, _identity


def hashes(df: DataFrame, *columns: str, seed: int = 0, purpose: str = "t") -> list[int]:
    return [r[0] for r in df.select(hashing.row_hash(df, columns or df.columns, seed, purpose)).collect()]


def test_nulls_do_not_collide(spark: SparkSession) -> None:
    df = spark.createDataFrame([(None, 1), (1, None), (None, None), (1, 1)], "a int, b int")
    assert len(set(hashes(df))) == 4


def test_nulls_in_arrays_and_empty_arrays_are_seen(spark: SparkSession) -> None:
    rows = [([],), ([None],), ([None, None],), ([1.0, None],), ([None, 1.0],), (None,)]
    df = spark.createDataFrame(rows, "a array<double>")
    assert len(set(hashes(df))) == len(rows)


def test_hash_is_63_bits_and_depends_on_seed_and_purpose(spark: SparkSession) -> None:
    df = spark.range(2000)
    one, two, three = hashes(df), hashes(df, seed=1), hashes(df, purpose="u")
    assert all(0 <= h < 2**63 for h in one + two + three)
    assert len(set(one) | set(two) | set(three)) == 6000


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [("int", "bigint"), ("float", "double"), ("decimal(3,1)", "decimal(20,8)"), ("smallint", "int")],
)
def test_widening_a_column_keeps_the_hash(spark: SparkSession, narrow: str, wide: str) -> None:
    df = spark.createDataFrame([("1.5",), ("-2",), ("0",), ("12",), (None,)], "a string")
    casts = [df.select(F.col("a").cast("double").cast(t).alias("a")) for t in (narrow, wide)]
    if narrow == "float":
        casts[1] = df.select(F.col("a").cast("float").cast("double").alias("a"))
    assert hashes(casts[0]) == hashes(casts[1])


def test_column_order_does_not_matter(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1, "x"), (2, None)], "a int, b string")
    assert hashes(df) == hashes(df.select("b", "a"))


def test_many_floats_have_the_hash_of_their_columns(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(1.5, None, 7, 0.0, float("nan"), 3.0), (-0.0, 2.5, None, None, None, None), (None,) * 6]
    df = spark.createDataFrame(rows, "a double, b float, c int, d float, e double, `f``.g` double")
    named = df.withColumnRenamed("a", "a ${env:HOME}")  # a variable in SQL text
    one_by_one = hashes(df), hashes(named)
    monkeypatch.setattr(_identity, "_MANY", 1)
    assert (hashes(df), hashes(named)) == one_by_one


def test_dense_and_sparse_vectors_are_equal(spark: SparkSession) -> None:
    df = spark.createDataFrame([(Vectors.dense([0, 2.0]),), (Vectors.sparse(2, [1], [2.0]),)], ["v"])
    assert len(set(hashes(df))) == 1


def test_null_vectors_are_seen(spark: SparkSession) -> None:
    df = spark.createDataFrame([(Vectors.dense([0.0]),), (None,)], T.StructType([T.StructField("v", VectorUDT())]))
    assert len(set(hashes(df))) == 2


def test_all_simple_types_are_hashed(spark: SparkSession) -> None:
    schema = "a boolean, b date, c timestamp, d timestamp_ntz, e binary, f struct<x:int,y:string>, g decimal(30,20)"
    row = (
        True,
        date(2020, 1, 1),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1),
        b"1",
        (1, None),
        Decimal("1E-15"),
    )
    df = spark.createDataFrame([row, (None,) * 7], schema)
    for name in df.columns:
        assert len(set(hashes(df, name))) == 2


def test_maps_are_refused_by_name(spark: SparkSession) -> None:
    df = spark.createDataFrame([({"a": 1},)], "m map<string,int>")
    with pytest.raises(InputError, match=r"'m'.*cannot identify a row"):
        hashes(df)
    inside = df.select(
        F.lit(1).alias("k"), F.array("m").alias("a"), F.struct("m").alias("s"), F.array(F.lit(1)).alias("x")
    )
    assert hashing.hashable(inside) == ["k", "x"], "what is left out beside a key, wherever a map is"


def test_row_id_is_unique_also_for_equal_rows_and_ignores_order(spark: SparkSession) -> None:
    rows = [(1, "a", 0), (1, "a", 1), (1, "b", 0), (2, None, 0)] * 3
    df = spark.createDataFrame(rows, "k int, x string, y int")
    ids = [
        sorted(tuple(r) for r in hashing.with_row_id(d, ["k"]).collect())
        for d in (df, spark.createDataFrame(rows[::-1], df.schema).repartition(7))
    ]
    assert len({r[-1] for r in ids[0]}) == len(rows)
    assert [r[-1] for r in sorted(ids[0], key=str)] == [r[-1] for r in sorted(ids[1], key=str)]


def sample(spark: SparkSession, n: int, distinct: int, seed: int) -> tuple[DataFrame, dict[str, list[int]]]:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2**63, distinct)[rng.integers(0, distinct, n)]
    strata = rng.choice(["a", "b'\"", "c"], n, p=[0.9, 0.09, 0.01])
    df = spark.createDataFrame([(str(s), int(v)) for s, v in zip(strata, values, strict=True)], "s string, p bigint")
    return df, {str(k): sorted(values[strata == k].tolist()) for k in set(strata)}


@pytest.mark.parametrize("distinct", [5000, 40, 1])
@pytest.mark.parametrize("ties", ["whole", "exact", "proportional"])
def test_cuts_hit_their_counts(spark: SparkSession, distinct: int, ties: hashing.Ties) -> None:
    df, by_stratum = sample(spark, 5000, distinct, seed=distinct)
    quotas = {s: [0, len(v) // 5, len(v) // 5 + 1, len(v), len(v) + 3] for s, v in by_stratum.items()}
    found = hashing.cuts(df, F.col("p"), F.col("s"), quotas, ties=ties)
    for s, values in by_stratum.items():
        for quota, cut in zip(quotas[s], found[s], strict=True):
            low = sum(v < cut.below for v in values if v not in cut.equal)
            assert cut.count == low + sum(take for take, _ in cut.equal.values())
            if ties == "whole":
                reachable = [sum(v < b for v in values) for b in {*values, 2**63}]
                assert abs(cut.count - quota) == min(abs(c - quota) for c in reachable) and not cut.equal
            else:
                assert cut.count == min(quota, len(values))
                assert all(of == values.count(p) for p, (_, of) in cut.equal.items())


@pytest.mark.parametrize("distinct", [20_000, 40, 1])
@pytest.mark.parametrize("ties", ["whole", "exact", "proportional"])
def test_known_sizes_save_a_scan_and_change_no_cut(
    spark: SparkSession, distinct: int, ties: hashing.Ties, monkeypatch: pytest.MonkeyPatch
) -> None:
    df, by_stratum = sample(spark, 20_000, distinct, seed=distinct)
    quotas = {s: [0, len(v) // 5, len(v) // 2, len(v)] for s, v in by_stratum.items()}
    plain = hashing.cuts(df, F.col("p"), F.col("s"), quotas, ties=ties)
    again = []
    look = _cuts.closer_look
    monkeypatch.setattr(_cuts, "closer_look", lambda *given: (again.append(given), look(*given))[1])
    sizes = {s: len(v) for s, v in by_stratum.items()}
    assert hashing.cuts(df, F.col("p"), F.col("s"), quotas, ties=ties, sizes=sizes) == plain
    if distinct == 20_000:
        assert not again, "hashes are where their numbers say"
    wrong = {s: 3 * n for s, n in sizes.items()}
    assert hashing.cuts(df, F.col("p"), F.col("s"), quotas, ties=ties, sizes=wrong) == plain


@pytest.mark.parametrize("distinct", [5000, 40])
def test_sides_count_exactly_and_only_boundary_rows_meet_a_window(spark: SparkSession, distinct: int) -> None:
    df, by_stratum = sample(spark, 3000, distinct, seed=1)
    quotas = {s: [len(v) // 5, len(v) // 3] for s, v in by_stratum.items()}
    found = hashing.cuts(df, F.col("p"), F.col("s"), quotas, ties="exact")
    seen: Counter[tuple[str, int]] = Counter()
    plans = set()
    for partitions in (1, 7):
        sided = hashing.with_side(df.repartition(partitions), F.col("p"), F.col("s"), found, "side")
        plans.add("Window" in sided._jdf.queryExecution().toString())
        seen.update({(r["s"], r["side"]): r["count"] for r in sided.groupBy("s", "side").count().collect()})
    for s, values in by_stratum.items():
        low, mid = quotas[s]
        assert [seen[s, i] for i in range(3)] == [2 * low, 2 * (mid - low), 2 * (len(values) - mid)]
    assert plans == {distinct == 40}


def test_narrow_positions_such_as_times(spark: SparkSession) -> None:
    df = spark.range(1000).select((F.col("id") % 100).alias("p"), F.lit("all").alias("s"))
    found = hashing.cuts(df, F.col("p"), F.col("s"), {"all": [604]}, ties="whole", bits=7)["all"][0]
    assert (found.below, found.count) == (60, 600)


def test_a_stratum_that_is_not_there(spark: SparkSession) -> None:
    df = spark.createDataFrame([("a", 5)], "s string, p bigint")
    assert hashing.cuts(df, F.col("p"), F.col("s"), {"z": [3]}, ties="exact")["z"][0].count == 0


def test_select_drops_strata_without_a_cut(spark: SparkSession) -> None:
    df = spark.createDataFrame([("a", 5), ("a", 2**63 - 1), ("b", 6), (None, 7)], "s string, p bigint")
    everything = hashing.cuts(df, F.col("p"), F.col("s"), {"a": [2]}, ties="exact")
    kept = hashing.select(df, F.col("p"), F.col("s"), {"a": everything["a"][0]})
    assert sorted(map(tuple, kept.collect())) == [("a", 5), ("a", 2**63 - 1)]


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([1.0, 0.0, 1.5, float("nan"), None], "double", ["1", "0", "1.5", None, None]),
        ([1, 0], "int", ["1", "0"]),
        ([True, False], "boolean", ["true", "false"]),
        (
            [Decimal("1.50"), Decimal("100.00"), Decimal("-0.10"), Decimal("0")],
            "decimal(8,2)",
            ["1.5", "100", "-0.1", "0"],
        ),
        (["né", "a'\"<b>"], "string", ["né", "a'\"<b>"]),
    ],
)
def test_class_text(spark: SparkSession, values: list[object], kind: str, texts: list[str | None]) -> None:
    df = spark.createDataFrame([(v,) for v in values], f"y {kind}")
    assert [r[0] for r in df.select(class_text(df, "y")).collect()] == texts

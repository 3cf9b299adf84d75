"""What guards count: rows that are the same, cells, ranges of times, on columns of all types."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.guards import _same_rows, run_guard
from steelyard.guards._counts import ScoreCounts, TimeRange
from steelyard.guards._needs import parts_by_split, same_rows
from steelyard.guards._same_rows import rounded
from steelyard.guards._seen import Cells, Overlap, Overlaps
from steelyard.guards._table import look
from steelyard.guards.expectations._splits import quotas
from steelyard.splitting._plan import wanted_counts


def overlaps(df: DataFrame, kind: Any) -> Overlaps:
    found = look(df, kinds=[kind]).overlaps
    assert found is not None
    return found


def counted(df: DataFrame, by: list[list[str]], *measures: Any) -> Cells:
    """Count cells in Spark, and once more with overlaps, in Python workers."""
    in_spark = look(df, by, measures).cells
    kind = same_rows(["part"], parts_by_split("part", ["train", "test"]))
    beside = look(df.withColumn("part", F.lit("train")), by, measures, [kind])
    assert in_spark is not None and beside.cells == in_spark
    return in_spark


@pytest.mark.parametrize("many", [_same_rows.MANY, 0])
def test_features_are_the_same_to_so_many_digits(
    spark: SparkSession, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_same_rows, "MANY", many)
    query = "SELECT * FROM VALUES {} AS (v, a, k, split)"
    pairs = {
        "(1.0d, array(1d, null), 'x', 'train'), (1.0000001d, array(1d, null), 'x', 'test')": True,
        "(1.0d, array(1d, null), 'x', 'train'), (1.001d, array(1d, null), 'x', 'test')": False,
        "(1e12d, array(1d, 0d), 'x', 'train'), (1.00000001e12d, array(1d, -0d), 'x', 'test')": True,
        "(1e-12d, array(1d, 0d), 'x', 'train'), (1.1e-12d, array(1d, 0d), 'x', 'test')": False,
        "(1d, array(1d, null), 'x', 'train'), (1d, array(null, 1d), 'x', 'test')": False,
        "(null, array(0d), 'x', 'train'), (0d, array(0d), 'x', 'test')": False,
        "(1d, array(0d), 'x', 'train'), (1d, array(0d), 'y', 'test')": False,
        "(double('nan'), null, null, 'train'), (double('nan'), null, null, 'test')": True,
    }
    kind = same_rows(["v", "a", "k"], parts_by_split("split", ["train", "test"]), digits=6)
    for values, same in pairs.items():
        assert bool(overlaps(spark.sql(query.format(values)), kind).shared(kind)) is same, values
    exact = same_rows(["v", "a", "k"], parts_by_split("split", ["train", "test"]))
    assert not overlaps(spark.sql(query.format(next(iter(pairs)))), exact).shared(exact)


def test_rounding_keeps_the_digits_that_are_asked_for(spark: SparkSession) -> None:
    df = spark.range(2000).select(((F.col("id") + 1) * F.lit(0.000123457)).alias("v"))
    for digits in (2, 4, 6, 9):
        seen = df.select("v", rounded(df, "v", digits).alias("r")).toPandas()
        error = ((seen.r - seen.v) / seen.v).abs().max()
        assert 0 < error < 0.5 * 10 ** (1 - digits)


def test_composite_keys_with_nulls(spark: SparkSession) -> None:
    apart = "(1, null, 'train'), (null, 1, 'test'), (2, 2, 'train'), (2, 2, 'train'), (3, 3, null), (3, 3, 'test')"
    query = "SELECT * FROM VALUES {} AS (a, `b c.d`, split)"
    kind = same_rows(["a", "b c.d"], parts_by_split("split", ["train", "validation", "test"]))
    assert overlaps(spark.sql(query.format(apart)), kind).shared(kind) == []
    more = spark.sql(query.format(f"{apart}, (1, null, 'test'), (1, null, 'tset')"))
    assert overlaps(more, kind).shared(kind) == [
        Overlap(("train", "test", "another split"), 1, {"train": 1, "test": 1, "another split": 1})
    ]


def test_labels_of_all_types(spark: SparkSession) -> None:
    df = spark.sql("SELECT * FROM VALUES (1d, 1, true), (0d, 0, false), (double('nan'), null, null) AS (a, b, c)")
    for label, classes in (("a", ["0", "1"]), ("b", ["0", "1"]), ("c", ["false", "true"])):
        report = run_guard("raw", "raw", df, {"label": label, "classes": classes, "class_count_min": 1})
        assert [r.observed for r in report.failures()] == [{"null": 1, "rows": 3}]


def test_scores_of_several_classes(spark: SparkSession) -> None:
    given = {"label": "y", "classes": ["a", "b"]}
    sound = "('a', 'a', map('a', 0.75d, 'b', 0.25d)), ('b', 'b', map('b', 1d, 'a', 0d))"
    bent = f"{sound}, ('a', 'a', map('a', .5d, 'b', .25d)), ('a', 'a', map('a', 1.5d, 'b', -.5d)), ('a', 'a', null)"
    query = "SELECT * FROM VALUES {} AS (y, decision, score)"
    assert run_guard("scored", "scored", spark.sql(query.format(sound)), given).success
    (failed,) = run_guard("scored", "scored", spark.sql(query.format(bent)), given).failures()
    assert "'score' holds, among 5 scores, 1 null, 1 below 0, 1 above 1, 1 without a sum of 1" in failed.message


def test_maps_must_hold_all_classes(spark: SparkSession) -> None:
    df = spark.sql("SELECT * FROM VALUES (map('a', .5, 'b', .5)), (map('a', .5, 'c', .5)), (map('a', 1)) AS (s)")
    seen = counted(df, [], ["score", "s", ["b", "a"], 1e-6]).scores("s", ["b", "a"], 1e-6)
    assert seen == {None: ScoreCounts(3, 0, 0, 0, 0, 0.5, 1.0, 0, 2)}


def test_cells_of_nulls_and_nan(spark: SparkSession) -> None:
    nan = "double('nan')"
    rows = f"('a', true, 1.5d, 0.25d), ('a', null, {nan}, {nan}), (null, true, null, null), ('a', true, 2d, 1.5d)"
    df = spark.sql(f"SELECT * FROM VALUES {rows} AS (y, made, x, p)").repartition(3)
    seen = counted(df, [["label", "y"], ["synthetic", "made"]], ["range", "x"], ["score", "p", None, 1e-6])
    assert [(g.at, g.count) for g in seen.groups] == [(("a", False), 1), (("a", True), 2), ((None, True), 1)]
    nothing, some, null = (g.measured[0] for g in seen.groups)
    assert some == {"low": 1.5, "high": 2.0, "missing": 0, "fractional": 1}
    assert nothing == null == {"low": None, "high": None, "missing": 1, "fractional": 0}
    assert seen.scores("p", None, 1e-6) == {None: ScoreCounts(4, 1, 1, 0, 1, 0.25, 1.5, total=0.25)}
    assert look(df.limit(0), [["label", "y"]], [], [same_rows(["x"], ["synthetic", "made"])]).cells == Cells(
        (("label", "y"),), (), ()
    )


@pytest.mark.parametrize("kind", ["int", "decimal(9,2)", "double", "string", "date", "timestamp_ntz", "timestamp"])
def test_times_of_all_types(spark: SparkSession, kind: str) -> None:
    df = spark.sql(
        "SELECT * FROM VALUES (9, 'train'), (10, 'test'), (11, 'test'), (null, 'train'), (50, null) AS (t, split)"
    )
    dated, number = F.date_add(F.lit("2026-01-01"), "t"), kind in ("int", "decimal(9,2)", "double")
    df = df.select("split", (F.col("t") if number else dated).cast(kind).alias("t"))
    ranges: list[TimeRange] = counted(df, [["split", "split"]], ["time", "t"]).times("t", "split")
    train, test = sorted(ranges, key=lambda r: r.split, reverse=True)
    assert (train.split, test.split) == ("train", "test")
    values: list[Any] = [train.first, train.last, test.first, test.last]
    assert values[0] == values[1] < values[2] < values[3]
    assert test.last_text.startswith("11" if number else "2026-01-12")


def test_quotas_are_those_of_the_splits() -> None:
    for total in (0, 1, 2, 3, 5, 7, 10, 25, 493, 31_754):
        for validation, test in ((0.1, 0.2), (0.5, 0.5), (0.15, 0.145), (0.0, 0.3)):
            mine = quotas(total, {"validation": validation, "test": test}, "train")
            assert mine == wanted_counts(total, validation, test)

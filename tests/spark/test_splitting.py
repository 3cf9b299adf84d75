"""Splits: exact counts, one answer under any partitioning, whole keys, time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.splitting import SPLIT, SplitPlan, apply_split, stratified_split, temporal_split, wanted_counts
from steelyard.stats import class_counts


def dataset(df: DataFrame, label: str = "y", key: tuple[str, ...] = (), time: str | None = None) -> Dataset:
    content = tuple(c for c in df.columns if c != label)
    return Dataset(label=label, features=content, key=key, content=content, time=time)


def counted(df: DataFrame, plan: SplitPlan) -> dict[str | None, Counter[str]]:
    result: dict[str | None, Counter[str]] = {}
    for row in apply_split(df, plan).groupBy(SPLIT, F.col(plan.label).cast("string").alias("c")).count().collect():
        result.setdefault(row[SPLIT], Counter())[row["c"]] += row["count"]
    return result


def test_wanted_counts_round_half_up_test_first() -> None:
    assert wanted_counts(5, 0.1, 0.1) == {"train": 3, "validation": 1, "test": 1}
    assert wanted_counts(15, 0.1, 0.3) == {"train": 8, "validation": 2, "test": 5}
    assert wanted_counts(3, 0.45, 0.5) == {"train": 0, "validation": 1, "test": 2}


@pytest.mark.parametrize("copies", [1, 8])
def test_stratified_counts_are_exact_also_among_equal_rows(spark: SparkSession, copies: int) -> None:
    df = spark.range(0, 400).select(
        (F.col("id") % (400 // copies)).alias("x"), (F.col("id") % 20 == 0).cast("int").alias("y")
    )
    counts = class_counts(df, "y").counts
    plan = stratified_split(df, dataset(df), counts, validation=0.1, test=0.2, seed=3)
    found = counted(df, plan)
    for c, n in counts.items():
        assert {s: found[s][c] for s in ("train", "validation", "test")} == wanted_counts(n, 0.1, 0.2)
    assert not any(plan.deviations.values())
    assert plan.counts == {s: dict(found[s]) for s in ("train", "validation", "test")}


@pytest.mark.invariance
def test_same_rows_under_any_partitioning_and_order_and_after_json(spark: SparkSession) -> None:
    df = spark.range(0, 300).select("id", (F.col("id") % 10 == 0).alias("y"), (F.col("id") * 0.1).alias("x"))
    results = []
    for layout in (df.coalesce(1), df.repartition(7), df.orderBy(F.desc("id")).repartition(200)):
        plan = stratified_split(layout, dataset(df, key=("id",)), {"true": 30, "false": 270}, validation=0.1, test=0.2)
        again = SplitPlan.from_json(plan.to_json())
        assert again == plan
        results.append({(r["id"], r[SPLIT]) for r in apply_split(layout, again).collect()})
    assert results[0] == results[1] == results[2]


def test_rows_of_one_key_stay_together_and_the_deviation_is_said(spark: SparkSession) -> None:
    df = spark.range(0, 300).select((F.col("id") % 15).alias("k"), F.col("id").alias("x"), F.lit("a").alias("y"))
    plan = stratified_split(df, dataset(df, key=("k",)), {"a": 300}, validation=0.1, test=0.21)
    per_key = apply_split(df, plan).groupBy("k").agg(F.count_distinct(SPLIT).alias("n")).collect()
    assert {r["n"] for r in per_key} == {1}
    assert plan.deviations["test"] == {"a": 60 - 63}


def test_null_labels_are_in_no_split(spark: SparkSession) -> None:
    df = spark.createDataFrame([(i, None if i == 7 else i % 2) for i in range(40)], "x int, y int")
    found = counted(df, stratified_split(df, dataset(df), class_counts(df, "y").counts, validation=0.1, test=0.2))
    assert sum(found[None].values()) == 1


def test_a_class_too_small_for_its_shares(spark: SparkSession) -> None:
    df = spark.createDataFrame([(i, int(i < 3)) for i in range(40)], "x int, y int")
    with pytest.raises(InputError, match=r"class '1' has 3 rows.*validation would have none"):
        stratified_split(df, dataset(df), {"0": 37, "1": 3}, validation=0.1, test=0.2)


def timed(spark: SparkSession, n: int = 500) -> DataFrame:
    rng = np.random.default_rng(0)
    days = np.sort(rng.integers(0, 50, n))
    rows = [(int(d), int(rng.random() < 0.2)) for d in rng.permutation(days)]
    df = spark.createDataFrame(rows, "d int, y int")
    return df.select(F.timestamp_seconds(F.col("d") * 86400 + 1_700_000_000).alias("t"), "y", "d")


def test_temporal_keeps_equal_times_together_and_order(spark: SparkSession) -> None:
    df = timed(spark)
    plan = temporal_split(df, dataset(df, time="t"), class_counts(df, "y").counts, validation=0.1, test=0.2)
    days = {
        r[SPLIT]: (r["lo"], r["hi"])
        for r in apply_split(df, plan).groupBy(SPLIT).agg(F.min("d").alias("lo"), F.max("d").alias("hi")).collect()
    }
    assert days["train"][1] < days["validation"][0] and days["validation"][1] < days["test"][0]
    assert None not in days
    texts = {r["d"]: r["text"] for r in df.select("d", F.col("t").cast("string").alias("text")).distinct().collect()}
    assert plan.times == {split: (texts[low], texts[high]) for split, (low, high) in days.items()}
    assert SplitPlan.from_json(json.loads(json.dumps(plan.to_json()))).counts == plan.counts
    sizes = {s: sum(c.values()) for s, c in plan.counts.items()}
    assert all(abs(sizes[s] - w) <= 15 for s, w in wanted_counts(500, 0.1, 0.2).items())
    assert {s: d["rows"] for s, d in plan.deviations.items()} == {
        s: sizes[s] - w for s, w in wanted_counts(500, 0.1, 0.2).items() if sizes[s] != w
    }


def test_gap_leaves_out_rows_before_each_cut(spark: SparkSession) -> None:
    df = timed(spark)
    plan = temporal_split(
        df, dataset(df, time="t"), class_counts(df, "y").counts, validation=0.2, test=0.2, gap=timedelta(days=2)
    )
    rows = apply_split(df, plan).select("d", SPLIT).distinct().collect()
    by_split = {s: sorted(r["d"] for r in rows if r[SPLIT] == s) for s in ("train", None, "validation", "test")}
    assert by_split["validation"][0] - by_split["train"][-1] == 2
    assert by_split["test"][0] - by_split["validation"][-1] == 2
    assert len(by_split[None]) == 2
    assert sum(plan.counts["left_out"].values()) == df.where(F.col("d").isin(by_split[None])).count()


@pytest.fixture(scope="module")
def by_timestamp(spark: SparkSession) -> tuple[DataFrame, Mapping[str, int], SplitPlan]:
    """A table, the rows of its classes, and the plan by its timestamps."""
    df = timed(spark)
    counts = class_counts(df, "y").counts
    return df, counts, temporal_split(df, dataset(df, time="t"), counts, validation=0.1, test=0.2)


@pytest.mark.parametrize("kind", ["bigint", "date", "timestamp_ntz", "string", "double", "decimal(20,3)"])
def test_temporal_takes_times_of_every_kind(
    by_timestamp: tuple[DataFrame, Mapping[str, int], SplitPlan], kind: str
) -> None:
    df, counts, given = by_timestamp
    steps = {"bigint": 1.0, "double": 0.001, "decimal(20,3)": 0.125}  # a step orders rows as a day does
    number = F.col("d") * steps.get(kind, 1.0) - (0.02 if kind == "double" else 0.0)
    df = df.withColumn("t", (number if kind in steps else F.col("t")).cast(kind))
    plan = temporal_split(df, dataset(df, time="t"), counts, validation=0.1, test=0.2)
    assert plan.counts == given.counts


def test_temporal_cuts_between_few_times(spark: SparkSession) -> None:
    """Five days of equal size: a cut at 70 % and one at 80 % both lie nearest to the end of the fourth day."""
    df = spark.range(400).select((F.col("id") % 7 == 0).cast("int").alias("y"), F.expr("int(id / 80)").alias("day"))

    def sizes(days: str) -> list[int]:
        rows = df.where(days).withColumn("day", F.expr("date'2024-01-01' + day").cast("string"))
        plan = temporal_split(rows, dataset(rows, time="day"), class_counts(rows, "y").counts, validation=0.1, test=0.2)
        assert apply_split(rows, plan).where(F.col(SPLIT).isNull()).isEmpty()
        return [sum(of.values()) for of in plan.counts.values()]

    assert sizes("true") == [240, 80, 80]
    assert sizes("day < 3") == [80, 80, 80]
    assert sizes("day < 3 or id % 10 = 0") == [160, 80, 16]  # the last two days hold too few rows for a fifth
    with pytest.raises(InputError, match="window has no row of class '1'"):
        sizes("day < 2")


def test_temporal_refuses_what_cannot_be_judged(spark: SparkSession) -> None:
    df = timed(spark).withColumn("y", (F.col("d") < 20).cast("int"))
    with pytest.raises(InputError, match="the validation window has no row of class '1'"):
        temporal_split(df, dataset(df, time="t"), class_counts(df, "y").counts, validation=0.1, test=0.2)
    common = replace(dataset(df, time="t"), positive="0")
    late = df.withColumn("y", (F.col("d") >= 20).cast("int"))
    with pytest.raises(InputError, match="window has no row of class '0'"):
        temporal_split(late, common, class_counts(late, "y").counts, validation=0.1, test=0.2)
    with pytest.raises(InputError, match="null in"):
        nulls = df.withColumn("t", F.when(F.col("d") > 3, F.col("t")))
        temporal_split(nulls, dataset(df, time="t"), {"0": 1, "1": 1}, validation=0.1, test=0.2)
    with pytest.raises(InputError, match="must be a timestamp"):
        flags = df.withColumn("t", F.lit(True))
        temporal_split(flags, dataset(df, time="t"), {"0": 1, "1": 1}, validation=0.1, test=0.2)
    with pytest.raises(InputError, match="from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807, too far apart"):
        far = df.withColumn("t", F.expr("if(d < 2, -9223372036854775808L, 9223372036854775807L)"))
        temporal_split(far, dataset(df, time="t"), {"0": 1, "1": 1}, validation=0.1, test=0.2)
    for odd, such in ((F.lit("31/01/2024"), "31/01/2024"), (F.lit(float("nan")), "NaN"), (F.lit(1e19), "1.0E19")):
        texts = df.withColumn("t", F.when(F.col("d") < 2, odd))
        with pytest.raises(InputError, match="null in"):
            temporal_split(texts, dataset(df, time="t"), {"0": 1, "1": 1}, validation=0.1, test=0.2)
        texts = df.withColumn("t", odd)
        with pytest.raises(InputError, match=f"holds no time in .* such as '{such}'"):
            temporal_split(texts, dataset(df, time="t"), {"0": 1, "1": 1}, validation=0.1, test=0.2)


def test_mammography_has_equal_rows_and_exact_counts(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    df = spark.read.parquet(real_data("mammography"))
    counts = class_counts(df, "label").counts
    assert counts == {"0": 10923, "1": 260}
    plan = stratified_split(df, dataset(df, "label"), counts, validation=0.1, test=0.2, seed=1)
    found = counted(df, plan)
    for c, n in counts.items():
        assert {s: found[s][c] for s in ("train", "validation", "test")} == wanted_counts(n, 0.1, 0.2)


@pytest.mark.classic
def test_applying_a_plan_shuffles_nothing(spark: SparkSession) -> None:
    df = spark.range(0, 300).select("id", (F.col("id") % 10 == 0).alias("y"))
    plan = stratified_split(df, dataset(df, key=("id",)), {"true": 30, "false": 270}, validation=0.1, test=0.2)
    text = apply_split(df, plan)._jdf.queryExecution().executedPlan().toString()
    assert "Exchange" not in text and "Python" not in text

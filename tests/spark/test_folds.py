"""Stratified folds and folds in time: exact, one answer under any partitioning, fit for Spark's CrossValidator."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.model_selection import TimeSeriesSplit

from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.hashing import Cut
from steelyard.splitting import (
    FoldPlan,
    apply_folds,
    fold_rows,
    forward_chaining_folds,
    stratified_folds,
)
from steelyard.splitting._plan import ALL_ROWS
from steelyard.stats import class_counts


def dataset(df: DataFrame, key: tuple[str, ...] = (), time: str | None = None) -> Dataset:
    content = tuple(c for c in df.columns if c != "y")
    return Dataset("y", content, key=key, content=content, time=time)


def of_folds(df: DataFrame, plan: FoldPlan) -> pd.DataFrame:
    return apply_folds(df, plan).toPandas().groupby(["fold", "y"]).size().unstack(fill_value=0)


@pytest.mark.parametrize("copies", [1, 8])
def test_classes_and_sizes_differ_by_at_most_one_row(spark: SparkSession, copies: int) -> None:
    y = F.when(F.col("id") % 50 == 0, "rare").when(F.col("id") % 3 == 0, "b").otherwise("a")
    df = spark.range(0, 848).select((F.col("id") % (848 // copies)).alias("x"), y.alias("y"))
    counts = class_counts(df, "y").counts
    plan = stratified_folds(df, dataset(df), counts, 5, seed=3)
    found = of_folds(df, plan)
    assert (found.max() - found.min() <= 1).all() and np.ptp(found.sum(axis=1)) <= 1
    assert {str(f): of.to_dict() for f, of in found.iterrows()} == {f: dict(of) for f, of in plan.counts.items()}
    assert not plan.deviations and sum(counts.values()) == 848


@pytest.mark.invariance
def test_one_answer_from_any_layout_and_after_json(spark: SparkSession) -> None:
    df = spark.range(0, 300).select("id", (F.col("id") % 10 == 0).alias("y"))
    results = []
    for layout in (df.coalesce(1), df.repartition(7), df.orderBy(F.desc("id")).repartition(200)):
        plan = stratified_folds(layout, dataset(df, key=("id",)), {"true": 30, "false": 270}, 4)
        assert FoldPlan.from_json(plan.to_json()) == plan
        results.append({(r["id"], r["fold"]) for r in apply_folds(layout, plan).collect()})
    assert results[0] == results[1] == results[2]


def test_rows_of_one_key_stay_together(spark: SparkSession) -> None:
    df = spark.range(0, 300).select((F.col("id") % 15).alias("k"), F.lit("a").alias("y"))
    plan = stratified_folds(df, dataset(df, key=("k",)), {"a": 300}, 4)
    assert apply_folds(df, plan).groupBy("k").agg(F.count_distinct("fold").alias("n")).where("n > 1").count() == 0
    assert {f: of["a"] - 75 for f, of in plan.counts.items()} == {f: of["a"] for f, of in plan.deviations.items()}


def test_cross_validator_takes_the_column(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    y = (np.arange(120) % 6 == 0).astype(int)
    frame = pd.DataFrame({"id": np.arange(120), "x": rng.normal(size=120) + y, "y": y})
    df = VectorAssembler(inputCols=["x"], outputCol="features").transform(spark.createDataFrame(frame))
    folds = apply_folds(df, stratified_folds(df, dataset(df, key=("id",)), {"0": 100, "1": 20}, 3))
    regression = LogisticRegression(labelCol="y", maxIter=5)
    grid = ParamGridBuilder().addGrid(regression.regParam, [0.0, 10.0]).build()
    judge = BinaryClassificationEvaluator(labelCol="y")
    validator = CrossValidator(estimator=regression, estimatorParamMaps=grid, evaluator=judge, numFolds=3)
    assert all(0.5 < m <= 1 for m in validator.setFoldCol("fold").fit(folds).avgMetrics)


def test_wrong_folds_are_errors(spark: SparkSession) -> None:
    df = spark.createDataFrame([(i, int(i < 3)) for i in range(40)], "fold int, y int")
    with pytest.raises(InputError, match="class '1' has 3 rows, too few for 4 folds"):
        stratified_folds(df, dataset(df), {"0": 37, "1": 3}, 4)
    with pytest.raises(InputError, match="folds is 0; it must be from 2 to 1,000"):
        stratified_folds(df, dataset(df), {"0": 37, "1": 3}, 0)
    plan = stratified_folds(df, dataset(df), {"0": 37, "1": 3}, 3)
    with pytest.raises(InputError, match="column 'fold', and apply_folds adds"):
        apply_folds(df, plan)
    with pytest.raises(InputError, match="fold is 3; it must be from 0 to 2"):
        fold_rows(df, plan, 3)


def in_time(spark: SparkSession, hours: np.ndarray, seed: int = 0) -> DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.random(len(hours)) < 0.3
    frame = pd.DataFrame({"id": np.arange(len(hours)), "h": hours, "y": y.astype(int)}).sample(frac=1, random_state=1)
    return spark.createDataFrame(frame).withColumn("t", F.timestamp_seconds(F.col("h") * 3600 + 1_700_000_000))


def test_forward_chaining_is_scikit_learn_s_time_series_split(spark: SparkSession) -> None:
    df = in_time(spark, np.arange(240))
    plan = forward_chaining_folds(df, dataset(df, time="t"), class_counts(df, "y").counts, 5)
    assert FoldPlan.from_json(plan.to_json()) == plan and not plan.deviations
    blocks = apply_folds(df, plan).toPandas().sort_values("h")["fold"].to_numpy()
    for i, (train, test) in zip(plan.numbers, TimeSeriesSplit(5).split(blocks), strict=True):
        assert (np.flatnonzero(blocks < i) == train).all() and (np.flatnonzero(blocks == i) == test).all()
        ours = [rows.agg(F.count("*"), F.max("h")).collect()[0] for rows in fold_rows(df, plan, i)]
        assert [tuple(r) for r in ours] == [(len(train), train[-1]), (len(test), test[-1])]


def test_equal_times_stay_together_and_a_gap_parts_training_from_its_test(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    df = in_time(spark, np.floor(np.sort(rng.gamma(3, 20, 400))).astype(int))
    data, counts = dataset(df, time="t"), class_counts(df, "y").counts
    plan = forward_chaining_folds(df, data, counts, 4, gap=timedelta(hours=3))
    rows = apply_folds(df, plan).toPandas()
    assert rows.groupby("h")["fold"].nunique().max() == 1
    assert rows.sort_values("h")["fold"].is_monotonic_increasing
    sizes = rows.groupby("fold").size().to_dict()
    assert {str(b): n - 80 for b, n in sizes.items() if n != 80} == {b: d["rows"] for b, d in plan.deviations.items()}
    for i in plan.numbers:
        begins = rows.loc[rows["fold"] == i, "h"].min()
        train, test = (part.toPandas() for part in fold_rows(df, plan, i))
        assert sorted(train["id"]) == sorted(rows.loc[rows["h"] <= begins - 3, "id"])
        assert sorted(test["id"]) == sorted(rows.loc[rows["fold"] == i, "id"])
    with pytest.raises(InputError, match="from 1 to 4"):
        fold_rows(df, plan, 0)
    other = df.repartition(7).orderBy("id")
    assert forward_chaining_folds(other, data, counts, 4, gap=timedelta(hours=3)) == plan


def test_forward_chaining_refuses_a_block_without_the_rarest_class(spark: SparkSession) -> None:
    df = in_time(spark, np.arange(100)).withColumn("y", (F.col("h") < 20).cast("int"))
    with pytest.raises(InputError, match="block 1 in the order of time column 't' has no row of class '1'"):
        forward_chaining_folds(df, dataset(df, time="t"), {"0": 80, "1": 20}, 4)


def test_a_thousand_folds(spark: SparkSession) -> None:
    """No expression is as deep as there are folds: Spark's planner would overflow its stack."""
    df = spark.range(6000).select("id", (F.col("id") % 2).alias("y"))
    cuts = {ALL_ROWS: [Cut(i << 53, 0) for i in range(1, 1000)]}
    plan = FoldPlan("group", "y", 0, ("id",), cuts=cuts, placed=tuple((i,) for i in range(1000)), folds=1000)
    found = apply_folds(df, plan).groupBy("fold").count().toPandas()
    assert found["count"].sum() == 6000 and found["fold"].between(0, 999).all() and len(found) > 900

"""Grouped splits and folds: no group on two sides, classes even, one answer under any partitioning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.model_selection import StratifiedGroupKFold

from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.splitting import (
    NAMES,
    SPLIT,
    FoldPlan,
    SplitPlan,
    apply_folds,
    apply_split,
    fold_rows,
    grouped_folds,
    grouped_split,
    wanted_counts,
)
from steelyard.stats import class_counts

DATA = Dataset("y", features=(), group="g")


def skewed(groups: int = 2500, seed: int = 0) -> pd.DataFrame:
    """Three classes, mixed within groups, whose sizes follow a power law up to a tenth of the rows."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum((rng.pareto(1.0, groups) + 1).astype(int), 1500)
    g = np.repeat(np.arange(groups), sizes)
    rare, rarest = rng.beta(0.3, 3, groups)[g], rng.beta(0.1, 6, groups)[g]
    u = rng.random(len(g))
    y = np.where(u < rarest, "c", np.where(u < rarest + rare, "b", "a"))
    return pd.DataFrame({"g": g, "y": y}).sample(frac=1, random_state=seed)


def table(spark: SparkSession, frame: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(frame)


def counted(rows: pd.DataFrame, side: str) -> dict[object, dict[str, int]]:
    found = rows.groupby([side, rows["y"].astype(str)]).size()
    return {s: found[s].to_dict() for s in found.index.levels[0]}


def test_groups_stay_whole_and_counts_and_deviations_are_true(spark: SparkSession) -> None:
    df = table(spark, skewed())
    counts = class_counts(df, "y").counts
    plan = grouped_split(df, DATA, counts, validation=0.1, test=0.2, seed=5)
    rows = apply_split(df, plan).toPandas()
    assert rows.groupby("g")[SPLIT].nunique().max() == 1 and rows[SPLIT].notna().all()
    assert counted(rows, SPLIT) == {s: dict(of) for s, of in plan.counts.items()} and list(plan.counts) == list(NAMES)
    wanted = {c: wanted_counts(n, 0.1, 0.2) for c, n in counts.items()}
    off = {s: {c: plan.counts[s][c] - wanted[c][s] for c in counts} for s in NAMES}
    assert {s: {c: n for c, n in of.items() if n} for s, of in off.items() if any(of.values())} == plan.deviations
    assert max(abs(n) / counts[c] for of in off.values() for c, n in of.items()) < 0.01
    assert sum(map(len, plan.placed)) <= 1000 < rows["g"].nunique()
    other = grouped_split(df, DATA, counts, validation=0.1, test=0.2, seed=6)
    assert (rows[SPLIT] != apply_split(df, other).toPandas()[SPLIT]).mean() > 0.1


@pytest.mark.invariance
def test_one_answer_from_any_layout_and_after_json(spark: SparkSession) -> None:
    df = table(spark, skewed(1500)).cache()
    counts = class_counts(df, "y").counts
    plans = []
    for layout in (df.coalesce(1), df.repartition(7), df.orderBy(F.desc("g")).repartition(200)):
        plans.append(grouped_split(layout, DATA, dict(reversed(counts.items())), validation=0.1, test=0.2))
    df.unpersist()
    assert plans[0] == plans[1] == plans[2]
    assert SplitPlan.from_json(plans[0].to_json()) == plans[0]


def test_folds_are_no_less_even_than_scikit_learn_s(spark: SparkSession) -> None:
    frame = skewed(seed=2)
    df = table(spark, frame)
    counts = class_counts(df, "y").counts
    plan = grouped_folds(df, DATA, counts, 5)
    rows = apply_folds(df, plan).toPandas()
    assert rows["fold"].dtype == np.int32 and set(rows["fold"]) == set(range(5))
    assert rows.groupby("g")["fold"].nunique().max() == 1
    ours = rows.groupby(["fold", "y"]).size().unstack()
    assert {str(f): of.to_dict() for f, of in ours.iterrows()} == {f: dict(of) for f, of in plan.counts.items()}
    split = StratifiedGroupKFold(5).split(frame["y"], frame["y"], frame["g"])
    theirs = pd.DataFrame([frame["y"].iloc[test].value_counts() for _, test in split])[ours.columns]
    worst = [np.abs(5 * part / part.sum() - 1).to_numpy().max() for part in (ours, theirs)]
    assert worst[0] <= worst[1] + 0.002
    again = FoldPlan.from_json(plan.to_json())
    assert again == plan
    train, test = fold_rows(df, again, 3)
    assert test.count() == ours.loc[3].sum() and train.count() == len(frame) - ours.loc[3].sum()


def test_the_handbook_s_customers(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    df = spark.read.parquet(real_data("fraud_handbook_apr2018")).select("CUSTOMER_ID", "TX_FRAUD")
    data = Dataset("TX_FRAUD", features=(), group="CUSTOMER_ID")
    plan = grouped_folds(df, data, class_counts(df, "TX_FRAUD").counts, 5)
    frame = df.toPandas()
    y, g = frame["TX_FRAUD"].to_numpy(), frame["CUSTOMER_ID"].to_numpy()
    theirs = [np.bincount(y[test]) for _, test in StratifiedGroupKFold(5).split(y, y, g)]
    ours = [[of["0"], of["1"]] for of in plan.counts.values()]
    worst = [np.abs(5 * np.array(part) / np.bincount(y) - 1).max() for part in (ours, theirs)]
    assert worst[0] <= worst[1] < 0.005


def test_a_group_of_most_rows_goes_where_it_fits(spark: SparkSession) -> None:
    rng = np.random.default_rng(1)
    g = np.concatenate([np.zeros(6500, int), rng.integers(1, 2000, 3500)])
    df = table(spark, pd.DataFrame({"g": g, "y": rng.integers(0, 10, 10_000) // 9}))
    plan = grouped_split(df, DATA, class_counts(df, "y").counts, validation=0.1, test=0.2)
    assert max(abs(n) for of in plan.deviations.values() for n in of.values()) <= 20
    giant = apply_split(df.where("g = 0"), plan).select(SPLIT).distinct().collect()
    assert [r[0] for r in giant] == ["train"]


@pytest.mark.classic
def test_applying_a_plan_joins_and_shuffles_nothing(spark: SparkSession) -> None:
    df = spark.range(2000).select((F.col("id") % 300).alias("g"), (F.col("id") % 7 == 0).cast("int").alias("y"))
    cached = spark._jsparkSession.sharedState().cacheManager()
    before = cached.cachedData().size()  # what other tests hold
    plan = grouped_split(df, DATA, class_counts(df, "y").counts, validation=0.1, test=0.2)
    text = apply_split(df, plan)._jdf.queryExecution().executedPlan().toString()
    assert "Exchange" not in text and "Join" not in text and "Python" not in text
    assert cached.cachedData().size() == before


def test_null_labels_are_in_no_split_and_null_groups_are_refused(spark: SparkSession) -> None:
    rows = [(i // 4, None if i == 7 else i % 2) for i in range(400)]
    df = spark.createDataFrame(rows, "g int, y int")
    plan = grouped_split(df, DATA, class_counts(df, "y").counts, validation=0.1, test=0.2)
    assert apply_split(df, plan).where(F.col(SPLIT).isNull()).count() == 1
    holes = df.withColumn("g", F.when(F.col("g") > 1, F.col("g")))
    with pytest.raises(InputError, match="group column 'g' is null in 7 rows"):
        grouped_split(holes, DATA, {"0": 200, "1": 199}, validation=0.1, test=0.2)


def test_what_no_groups_can_give_is_an_error(spark: SparkSession) -> None:
    df = spark.range(300).select((F.col("id") % 50).alias("g"), (F.col("id") % 50 < 2).cast("int").alias("y"))
    with pytest.raises(InputError, match="class '1' occurs in 2 groups of column 'g'.* would have none of it"):
        grouped_split(df, DATA, class_counts(df, "y").counts, validation=0.1, test=0.2)
    with pytest.raises(InputError, match="needs a group column"):
        grouped_split(df, Dataset("y", ()), {"0": 1}, validation=0.1, test=0.2)
    with pytest.raises(InputError, match="customer"):
        grouped_split(df, Dataset("y", (), group="customer"), {"0": 1}, validation=0.1, test=0.2)
    with pytest.raises(InputError, match="folds is 1"):
        grouped_folds(df, DATA, {"0": 288, "1": 12}, 1)

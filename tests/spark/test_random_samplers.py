"""Random samplers: exact, fair where rows repeat, weights that undo them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyspark.sql import functions as F
from scipy import stats

from steelyard.errors import InputError
from steelyard.hashing import Cut
from steelyard.over_sampling import RandomOverSampler
from steelyard.sampling import SamplingPlan, apply_plan
from steelyard.testing._tables import class_sizes, explained, multiset, sample_table
from steelyard.under_sampling import RandomUnderSampler

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_smaller_sample_is_part_of_a_larger_one(spark: SparkSession) -> None:
    df = sample_table(spark)
    small, large = (
        multiset(RandomUnderSampler(sampling_strategy={"a": n}, key_col="id").fit_resample(df).where("label = 'a'"))
        for n in (10, 25)
    )
    assert small <= large


def test_a_sample_is_fair_to_every_row(spark: SparkSession) -> None:
    df = (
        spark.range(2000)
        .select("id", F.lit("a").alias("label"))
        .union(spark.range(2000, 2500).select("id", F.lit("b")))
    )
    kept: Counter[int] = Counter()
    for seed in range(12):
        sample = RandomUnderSampler(key_col="id", random_state=seed).fit_resample(df).where("label = 'a'")
        kept.update(r["id"] for r in sample.collect())
    uses = np.bincount([kept[i] for i in range(2000)], minlength=13)
    expected = 2000 * stats.binom.pmf(np.arange(13), 12, 0.25)
    assert stats.chisquare(uses[:7], expected[:7] * uses[:7].sum() / expected[:7].sum()).pvalue > 0.001


def test_what_repeats_is_drawn_in_proportion(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    """A third of these rows are equal to the last digit, and there is no key."""
    df = spark.read.parquet(real_data("mammography"))
    plan = RandomUnderSampler(sampling_strategy=0.1).plan(df)
    share = plan.classes["0"].keep
    assert isinstance(share, Cut) and (791, 3322) in share.equal.values()
    result = apply_plan(df, plan)
    assert class_sizes(result) == {"0": 2600, "1": 260}
    assert result.groupBy(*df.columns).count().agg(F.max("count")).first()[0] == 791  # type: ignore[index]


def test_a_content_with_many_rows_is_found_among_many(spark: SparkSession) -> None:
    many = spark.range(30_000).select(
        F.when(F.col("id") < 6000, 1).otherwise(F.col("id")).alias("x"), F.lit(0).alias("label")
    )
    df = many.union(spark.range(600).select(F.col("id").alias("x"), F.lit(1)))
    result = RandomUnderSampler(sampling_strategy={0: 3000}).fit_resample(df)
    assert class_sizes(result) == {"0": 3000, "1": 600}
    assert result.where("label = 0 and x = 1").count() == 600


def test_counts_are_exact_where_a_key_repeats_and_rows_are_told_apart(spark: SparkSession) -> None:
    rows = [(i % 3, i, "a") for i in range(30)] + [(i, i, "b") for i in range(7)]
    df = spark.createDataFrame(rows, "k int, x int, label string")
    sampler = RandomUnderSampler(key_col="k")
    results = [sampler.fit_resample(d) for d in (df.coalesce(1), df.orderBy(F.desc("x")), df.repartition(7, "x"))]
    assert class_sizes(results[0]) == {"a": 7, "b": 7}
    assert multiset(results[0]) == multiset(results[1]) == multiset(results[2])


def test_wider_types_and_other_column_orders_keep_the_same_rows(spark: SparkSession) -> None:
    df = sample_table(spark)
    plan = RandomUnderSampler(key_col="n").plan(df)
    wide = df.withColumn("n", F.col("n").cast("bigint")).select(*reversed(df.columns))
    assert multiset(apply_plan(wide, plan)) == multiset(apply_plan(df, plan))


def test_known_counts_give_the_same_plan_and_are_believed(spark: SparkSession) -> None:
    df = sample_table(spark)
    sampler = RandomUnderSampler(sampling_strategy={"a": 20}, key_col="id")
    counted = sampler.plan(df)
    known = {name: of.before for name, of in counted.classes.items()}
    assert sampler.knowing({**known, "none": 0}).plan(df) == counted
    with pytest.raises(InputError, match="20"):
        sampler.knowing({**known, "a": 19}).plan(df)


def test_weights_undo_the_sampling(spark: SparkSession) -> None:
    df = sample_table(spark)
    result = RandomUnderSampler(key_col="id", weight_output_col="total").fit_resample(df)
    totals = {r["label"]: r["t"] for r in result.groupBy("label").agg(F.sum("total").alias("t")).collect()}
    assert totals == pytest.approx({"a": 41, "b": 17, "c": 12})
    own = RandomUnderSampler(key_col="id", weight_col="w", weight_output_col="w").fit_resample(df)
    assert own.columns == [*df.columns, "is_synthetic"]
    rate = 41 / 12
    assert {round(r["w"] / rate, 9) for r in own.where("label = 'a'").collect()} <= {1.0, 2.0, 3.0, 4.0}
    with pytest.raises(InputError, match="column 'note', and weight_output_col adds"):
        RandomUnderSampler(weight_output_col="note").fit_resample(df)


def test_rows_are_repeated_equally(spark: SparkSession) -> None:
    result = RandomOverSampler(sampling_strategy={"c": 31}, key_col="id").fit_resample(sample_table(spark))
    copies = Counter(r["id"] for r in result.where("label = 'c'").collect())
    assert Counter(copies.values()) == {2: 5, 3: 7}


def test_a_class_can_be_left_out_altogether(spark: SparkSession) -> None:
    result = RandomUnderSampler(sampling_strategy={"a": 0}, weight_output_col="v").fit_resample(sample_table(spark))
    assert class_sizes(result) == {"b": 17, "c": 12}


def test_the_plan_of_a_large_table_is_small_and_applies_without_a_shuffle(spark: SparkSession) -> None:
    df = spark.range(200_000).select("id", (F.col("id") % 100 == 0).alias("label"))
    sampler = RandomUnderSampler(key_col="id", sampling_strategy=0.1)
    plan = sampler.plan(df)
    assert len(str(plan.to_json())) < 2000
    result = apply_plan(df, SamplingPlan.from_json(plan.to_json()))
    assert class_sizes(result) == {"false": 20_000, "true": 2_000}
    assert "Exchange" not in explained(result)


def test_a_plan_needs_its_columns_and_rows(spark: SparkSession) -> None:
    df = sample_table(spark)
    plan = RandomUnderSampler(key_col="id").plan(df)
    with pytest.raises(InputError, match="'id' is not in the table"):
        apply_plan(df.drop("id"), plan)
    with pytest.raises(InputError, match="encoding 99"):
        SamplingPlan.from_json({**plan.to_json(), "encoding": 99})


@pytest.mark.parametrize("key", ["id", None])
def test_draws_with_replacement_are_exact_and_independent(spark: SparkSession, key: str | None) -> None:
    """A third of the larger class are equal rows, which are drawn each by itself even without a key."""
    alike = F.col("id") % 3 == 0
    columns = ["id" if key else F.lit(0).alias("x"), F.when(alike, -1).otherwise(F.col("id")).alias("n")]
    df = spark.range(3000).select(*columns, F.when(F.col("id") < 2400, "a").otherwise("b").alias("label"))
    sampler = RandomUnderSampler(sampling_strategy={"a": 1200}, replacement=True, key_col=key, random_state=2)
    plan = sampler.plan(df)
    assert plan.effect == "random_under" and plan.work.shuffles == (0 if key else 2)
    found = Counter(r["n"] for r in apply_plan(df, plan).where("label = 'a'").collect())
    assert sum(found.values()) == 1200
    expected = 1200 * stats.binom.pmf(np.arange(5), 1200, 1 / 2400) * 1600 / 1200
    times = np.bincount([found[i] for i in range(2400) if i % 3], minlength=5)[:5]
    assert stats.chisquare(times[:4], expected[:4] * times[:4].sum() / expected[:4].sum()).pvalue > 0.001
    assert abs(found[-1] - 400) < 6 * (1200 * 2 / 9) ** 0.5  # draws of one third, six deviations

    parted = df.repartition(7).orderBy(F.desc("n")).select(*reversed(df.columns))
    again = apply_plan(parted, SamplingPlan.from_json(plan.to_json())).select(*df.columns, "is_synthetic")
    assert multiset(again) == multiset(sampler.fit_resample(df))


def test_every_requested_class_is_drawn_again_with_replacement(spark: SparkSession) -> None:
    df = sample_table(spark)
    counts = {"a": 41, "b": 17, "c": 0}
    sampler = RandomUnderSampler(sampling_strategy=counts, replacement=True, weight_output_col="v", key_col="id")
    result = sampler.fit_resample(df)
    assert class_sizes(result) == {"a": 41, "b": 17}
    assert len({r["id"] for r in result.where("label = 'a'").collect()}) < 38  # 26 are expected, of 41
    assert {r["v"] for r in result.select("v").collect()} == {1.0}
    assert class_sizes(RandomUnderSampler(replacement=True).fit_resample(df)) == {"a": 12, "b": 12, "c": 12}
    with pytest.raises(InputError, match="it has only 41"):
        RandomUnderSampler(sampling_strategy={"a": 42}, replacement=True).fit_resample(df)

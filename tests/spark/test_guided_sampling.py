"""Guided under-sampling: exact counts, the same rows from any partitioning, and probabilities by offsets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.classifier import fit
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.kernels.guided import keeping_weights, threshold
from steelyard.learning import GuidedUnderSampler
from steelyard.sampling import SamplingPlan, apply_plan, get_sampler

ROWS = 4000
COLUMNS = {"label_col": "y", "features_col": ["a", "b", "k"]}


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    def noise(salt: int) -> Any:
        return F.shiftrightunsigned(F.xxhash64("id", F.lit(salt)), 11) / F.lit(2.0**53)

    odds = 8 * noise(1) + 2 * noise(2) - 9.5
    return (
        spark.range(ROWS)
        .select(
            "id",
            noise(1).alias("a"),
            F.when(noise(3) > 0.1, noise(2)).alias("b"),
            F.when(noise(4) > 0.5, "u").otherwise("v").alias("k"),
            (noise(5) < F.lit(1.0) / (F.lit(1.0) + F.exp(-odds))).cast("int").alias("y"),
        )
        .cache()
    )


def sampler(**params: Any) -> GuidedUnderSampler:
    return get_sampler("guided_under_sampler", **{"min_rows": 0, "sampling_strategy": 0.5, **COLUMNS, **params})


def rows(df: DataFrame) -> Counter[Any]:
    return Counter(map(tuple, df.collect()))


def test_counts_are_exact_and_rows_the_same_from_any_partitioning(table: DataFrame) -> None:
    negatives, positives = (table.where(F.col("y") == c).count() for c in (0, 1))
    found = rows(sampler(key_col="id").fit_resample(table.repartition(1)))
    assert found == rows(sampler(key_col="id").fit_resample(table.repartition(7)))
    assert Counter(row[4] for row in found) == {1: positives, 0: 2 * positives}
    offsets = np.array([row[5] for row in found if row[4] == 0])
    assert np.exp(offsets).sum() == pytest.approx(negatives, rel=0.1), "they stand for all negatives"
    high = np.mean([row[1] for row in found if row[4] == 0])
    assert high > 0.6, "negatives that resemble positives are kept more often"
    assert all(row[5] >= 0 and row[6] is False for row in found)


def test_equal_rows_without_a_key_are_counted_exactly(table: DataFrame) -> None:
    few = table.select(F.round("a", 1).alias("a"), F.lit(0.5).alias("b"), "k", "y")
    positives = few.where("y = 1").count()
    found = rows(sampler().fit_resample(few))
    assert sum(n for row, n in found.items() if row[3] == 0) == 2 * positives
    assert found == rows(sampler().fit_resample(few.repartition(5)))


def test_the_floor_of_rows_and_what_is_refused(table: DataFrame) -> None:
    positives = table.where("y = 1").count()
    plan = sampler(min_rows=3000).plan(table)
    assert plan.classes["0"].after == 3000 - positives and plan.classes["1"].after == positives
    assert plan.details["asked"]["0"] == 2 * positives and "min_rows is 3,000" in plan.details["messages"][0]
    assert SamplingPlan.from_json(plan.to_json()) == plan and plan.offset_output == "sampling_offset"
    whole = get_sampler("guided_under_sampler", **COLUMNS).resample(table)
    assert whole.kept is None and whole.plan.offset_output is None and whole.plan.classes["0"].after == ROWS - positives
    with pytest.raises(InputError, match="takes two classes, and there are 3"):
        sampler().fit_resample(table.withColumn("y", F.when(F.col("a") > 0.9, 2).otherwise(F.col("y"))))
    with pytest.raises(InputError, match="keeps all rows of the rarer class, '1'"):
        sampler(sampling_strategy={"1": 3}).plan(table)
    with pytest.raises(InputError, match="sampling_offset"):
        sampler().fit_resample(table.withColumn("sampling_offset", F.lit(1)))
    with pytest.raises(InputError, match="keeps single rows, and they are not given"):
        apply_plan(table, plan)


@pytest.mark.parametrize("positive", ["1", "0"])
def test_models_learn_the_probabilities_of_the_whole_table(table: DataFrame, positive: str) -> None:
    train, validation = table.where("id % 4 > 0"), table.where("id % 4 = 0")
    share = table.where(F.col("y") == int(positive)).count() / ROWS
    data = Dataset("y", ("a", "b", "k"), categorical=("k",), key=("id",), positive=positive)
    resample = {"method": "guided_under_sampler", "sampling_strategy": 0.5, "min_rows": 0}
    params = {"n_estimators": 60, "max_depth": 3, "early_stopping_rounds": 10}
    models: list[dict[str, Any]] = [{"model": "xgboost", "params": params}, {"model": "logistic_regression"}]
    for model in models if positive == "1" else models[:1]:
        recipe = {"resample": resample, "train": model, "decide": {"calibrate": "none"}}
        classifier = fit(recipe, train, validation, data)
        assert classifier.model.distortion.kind == "none"
        [mean] = classifier.transform(table).agg(F.mean("calibrated_probability")).first() or [0]
        assert mean == pytest.approx(share, rel=0.15), model["model"]


def test_the_threshold_keeps_the_wanted_share() -> None:
    rng = np.random.default_rng(0)
    weights = keeping_weights(rng.random(1000) ** 4, 0.01)
    for share in (0.001, 0.1, 0.7, 1.0):
        assert np.minimum(1, threshold(weights, share) * weights).mean() == pytest.approx(share)

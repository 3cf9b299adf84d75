"""Every registered sampler passes every check of `steelyard.testing`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as F

from steelyard.sampling import Sampler, sampler_class, sampler_names
from steelyard.testing import SAMPLER_CHECKS
from steelyard.testing._checks import check_partitions_and_order
from steelyard.under_sampling import RandomUnderSampler

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# One more sampler is one more row.
COVERED = [
    "all_knn",
    "edited_nearest_neighbours",
    "instance_hardness_threshold",
    "near_miss",
    "neighbourhood_cleaning_rule",
    "none",
    "random_over_sampler",
    "random_under_sampler",
    "repeated_edited_nearest_neighbours",
    "smote",
    "smote_tomek",
    "smoteenn",
    "smotenc",
    "tomek_links",
]


def test_no_sampler_escapes() -> None:
    assert sampler_names() == COVERED


# Methods that differ from another one only in which rows they drop: the checks of that alone.
LIKE_ANOTHER = ["all_knn", "neighbourhood_cleaning_rule", "repeated_edited_nearest_neighbours", "smote_tomek"]
OF_VERDICTS = ["strategies", "exact_counts", "partitions_and_order", "original_rows", "plan", "params", "save_and_load"]
RUN = [(name, check) for name in COVERED for check in (OF_VERDICTS if name in LIKE_ANOTHER else SAMPLER_CHECKS)]


# All of three neighbours agree nowhere in the checks' small tables of mere noise: nothing new would be left to look at.
# And a forest for each of five folds takes its time.
SETTINGS: dict[str, dict[str, Any]] = {"smoteenn": {"n_neighbors": 1}, "instance_hardness_threshold": {"cv": 2}}


@cache
def make(name: str) -> Callable[..., Sampler]:
    return partial(sampler_class(name), **SETTINGS[name]) if name in SETTINGS else sampler_class(name)


@pytest.mark.parametrize(("name", "check"), RUN)
def test_sampler(name: str, check: str, spark: SparkSession) -> None:
    SAMPLER_CHECKS[check](make(name), spark)


class OneTooMany(RandomUnderSampler):
    """Keeps a row more than asked for."""

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {c: min(n + 1, counts[c]) for c, n in super()._targets(counts).items()}


class ByPlace(RandomUnderSampler):
    """Goes by where rows lie, as `rand()` does."""

    def fit_resample(self, df: DataFrame, y: Any = None) -> DataFrame:
        return super().fit_resample(df.withColumn("x", F.spark_partition_id().cast("double")), y)


@pytest.mark.parametrize(("faulty", "check"), [(OneTooMany, "exact_counts"), (ByPlace, "partitions_and_order")])
def test_checks_find_faults(faulty: type[Sampler], check: str, spark: SparkSession) -> None:
    with pytest.raises(AssertionError):
        SAMPLER_CHECKS[check](faulty, spark)


def test_two_hundred_partitions(spark: SparkSession) -> None:
    check_partitions_and_order(sampler_class("smote"), spark, layouts=[200])

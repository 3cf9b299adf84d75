"""Every registered sampler passes every check of `steelyard.testing`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as F

from steelyard.sampling import Sampler, sampler_class, sampler_names
from steelyard.testing import SAMPLER_CHECKS
from steelyard.testing._check_rows import check_partitions_and_order
from steelyard.under_sampling import RandomUnderSampler

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# One more sampler is one more row.
COVERED = [
    "adasyn",
    "all_knn",
    "borderline_smote",
    "cluster_centroids",
    "condensed_nearest_neighbour",
    "edited_nearest_neighbours",
    "geometric_smote",
    "instance_hardness_threshold",
    "kmeans_smote",
    "near_miss",
    "neighbourhood_cleaning_rule",
    "none",
    "one_sided_selection",
    "polynom_fit_smote",
    "random_over_sampler",
    "random_under_sampler",
    "repeated_edited_nearest_neighbours",
    "smote",
    "smote_tomek",
    "smoteenn",
    "smoten",
    "smotenc",
    "svmsmote",
    "tomek_links",
]


def test_no_sampler_escapes() -> None:
    assert sampler_names() == COVERED


# Methods that share a base with another one, which runs all checks: those of what they do differently.
OF_VERDICTS = ["strategies", "exact_counts", "partitions_and_order", "original_rows", "plan", "params", "save_and_load"]
OF_ROWS = [*OF_VERDICTS, "other_columns", "categories", "gaps_are_filled", "duplicates"]
LIKE_ANOTHER = {
    "all_knn": OF_VERDICTS,
    "borderline_smote": OF_ROWS,
    "condensed_nearest_neighbour": OF_VERDICTS,
    "edited_nearest_neighbours": OF_VERDICTS,
    "instance_hardness_threshold": [*OF_VERDICTS, "categories", "gaps_are_filled"],
    "kmeans_smote": OF_VERDICTS,
    "neighbourhood_cleaning_rule": OF_VERDICTS,
    "one_sided_selection": OF_VERDICTS,
    "repeated_edited_nearest_neighbours": OF_VERDICTS,
    "smote_tomek": OF_VERDICTS,
    "smotenc": OF_ROWS,
    "svmsmote": OF_ROWS,
}
RUN = [(name, check) for name in COVERED for check in LIKE_ANOTHER.get(name, SAMPLER_CHECKS)]


# The tables of the checks are mere noise: there is no cluster in which a rare class is at home, and all of three
# neighbours agree nowhere. And a forest for each of five folds takes its time.
GIVEN: dict[str, dict[str, Any]] = {
    "instance_hardness_threshold": {"cv": 2},
    "kmeans_smote": {"cluster_balance_threshold": 0.0},
    "smoteenn": {"n_neighbors": 1},
}
MAKE = {name: partial(sampler_class(name), **GIVEN[name]) if name in GIVEN else sampler_class(name) for name in COVERED}


@pytest.mark.parametrize(("name", "check"), RUN)
def test_sampler(name: str, check: str, spark: SparkSession) -> None:
    SAMPLER_CHECKS[check](MAKE[name], spark)


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

"""Every registered sampler passes every check of `steelyard.testing`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from noise_parameters import ON_NOISE
from pyspark.sql import functions as F

from steelyard.sampling import Sampler, sampler_class, sampler_names
from steelyard.testing import SAMPLER_CHECKS
from steelyard.testing._check_rows import check_partitions_and_order
from steelyard.under_sampling import RandomUnderSampler

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# One of each base, which `make test` runs all checks on. All checks on all the others are run by `make test-samplers`.
OF_EACH_BASE = [
    "cluster_centroids",
    "near_miss",
    "none",
    "random_over_sampler",
    "random_under_sampler",
    "smote",
    "smote_tomek",
    "tomek_links",
]
ALWAYS = ["exact_counts", "partitions_and_order"]
# Those that also run with Spark's defaults: one that draws rows, one that makes them, one that drops them by distances.
WITH_DEFAULTS = ["random_under_sampler", "smote", "tomek_links"]


def marks(name: str, check: str) -> list[pytest.MarkDecorator]:
    seldom = [] if name in OF_EACH_BASE or check in ALWAYS else [pytest.mark.every_sampler]
    same_rows = check == "partitions_and_order" and name in WITH_DEFAULTS
    return [*seldom, *([pytest.mark.invariance] if same_rows else [])]


RUN = [pytest.param(name, check, marks=marks(name, check)) for name in sampler_names() for check in SAMPLER_CHECKS]


MAKE = {
    name: partial(sampler_class(name), **ON_NOISE[name]) if name in ON_NOISE else sampler_class(name)
    for name in sampler_names()
}


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
    check_partitions_and_order(sampler_class("smote"), spark, layouts=[200], keys=[None])

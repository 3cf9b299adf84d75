"""Every registered sampler passes every check of `steelyard.testing`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from noise_parameters import ON_NOISE, TWO_CLASSES
from pyspark.sql import functions as F

from steelyard.sampling import Sampler, sampler_class, sampler_names
from steelyard.testing import SAMPLER_CHECKS
from steelyard.testing._check_input import check_labels
from steelyard.testing._check_rows import check_partitions_and_order, check_vectors
from steelyard.under_sampling import RandomUnderSampler

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# One that draws rows, one that makes them, one that drops them by distances: `make test` runs all checks on these, some
# checks on one of each other base, and only the counts of all others. `make test-long` runs the rest.
WHOLE = ["random_under_sampler", "smote", "tomek_links"]
OF_OTHER_BASES = ["cluster_centroids", "near_miss", "random_over_sampler"]
SOME = ["exact_counts", "partitions_and_order", "plan", "schema"]
MAKES_ROWS = {n for n in sampler_names() if sampler_class(n)().makes_rows} | {"cluster_centroids"}


def marks(name: str, check: str) -> list[pytest.MarkDecorator]:
    counted = "domain" if name in MAKES_ROWS else "exact_counts"  # both check the counts
    short = name in WHOLE or check == counted or (name in OF_OTHER_BASES and check in SOME)
    same_rows = check == "partitions_and_order" and name in WHOLE  # with Spark's defaults too
    return [*([] if short else [pytest.mark.long]), *([pytest.mark.invariance] if same_rows else [])]


NAMES = [name for name in sampler_names() if name not in TWO_CLASSES]
RUN = [pytest.param(name, check, marks=marks(name, check)) for name in NAMES for check in SAMPLER_CHECKS]


MAKE = {
    name: partial(sampler_class(name), **ON_NOISE[name]) if name in ON_NOISE else sampler_class(name) for name in NAMES
}


# Types of labels and features concern the bases: all others are checked with some.
IN_PART = {
    "labels": partial(check_labels, kinds=("boolean", "decimal(5,2)")),
    "vectors": partial(check_vectors, kinds=("vector",)),
}


@pytest.mark.parametrize(("name", "check"), RUN)
def test_sampler(name: str, check: str, spark: SparkSession) -> None:
    checks = SAMPLER_CHECKS if name in WHOLE + OF_OTHER_BASES else SAMPLER_CHECKS | IN_PART
    checks[check](MAKE[name], spark)


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


@pytest.mark.long
def test_two_hundred_partitions(spark: SparkSession) -> None:
    check_partitions_and_order(sampler_class("smote"), spark, layouts=[200], keys=[None])

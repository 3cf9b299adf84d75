"""Every registered sampler passes every check of `steelyard.testing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steelyard.sampling import sampler_class, sampler_names
from steelyard.testing import SAMPLER_CHECKS
from steelyard.testing._checks import check_partitions_and_order

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# One more sampler is one more row.
COVERED = ["none", "random_over_sampler", "random_under_sampler", "smote"]


def test_no_sampler_escapes() -> None:
    assert sampler_names() == COVERED


@pytest.mark.parametrize("check", SAMPLER_CHECKS)
@pytest.mark.parametrize("name", COVERED)
def test_sampler(name: str, check: str, spark: SparkSession) -> None:
    SAMPLER_CHECKS[check](sampler_class(name), spark)


def test_two_hundred_partitions(spark: SparkSession) -> None:
    check_partitions_and_order(sampler_class("smote"), spark, layouts=[200])

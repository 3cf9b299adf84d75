"""Every sampler gives the same rows on Spark Connect as on a classic session, which runs in a process of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from rows_of_all_samplers import rows_of

from steelyard.sampling import sampler_names

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.connect


@pytest.mark.parametrize("name", sampler_names())
def test_the_same_rows(name: str, classic: dict[str, Counter[tuple[Any, ...]]], spark: SparkSession) -> None:
    assert type(spark).__module__.startswith("pyspark.sql.connect"), "the session is one of Spark Connect"
    assert rows_of(name, spark) == classic[name]

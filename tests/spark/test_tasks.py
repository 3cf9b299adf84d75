"""Groups of rows in tasks of their own, wherever Spark's partitioner would have sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import functions as F

from steelyard.frames.tasks import in_tasks
from steelyard.kernels.murmur import spark_hash

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_hash_is_sparks(spark: SparkSession) -> None:
    edges = [0, 1, -1, 2**31, -(2**31), 2**63 - 1, -(2**63)]
    values = [*edges, *np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 500).tolist()]
    rows = spark.createDataFrame([(v,) for v in values], "v bigint").select("v", F.hash("v").alias("h")).collect()
    assert {r["v"]: r["h"] for r in rows} == dict(zip(values, spark_hash(values).tolist(), strict=True))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2, unique=True))
def test_a_hash_doesnt_depend_on_what_else_is_hashed(values: list[int]) -> None:
    assert spark_hash(values).tolist() == [spark_hash([v]).item() for v in values]


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_each_group_has_a_partition_of_its_own(spark: SparkSession, n: int) -> None:
    def counted(table: pa.Table) -> pa.Table:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        seen = pa.compute.unique(table["g"]).to_pylist()
        return pa.table({"g": seen, "n": [len(table)] * len(seen), "partition": [context.partitionId()] * len(seen)})

    rows = spark.range(5 * n).select((F.col("id") % n).cast("int").alias("g"))
    found = in_tasks(rows, F.col("g"), n, counted, "g bigint, n bigint, partition bigint").toPandas()
    assert sorted(found["g"]) == list(range(n)) and set(found["n"]) == {5}
    assert found["partition"].nunique() == n

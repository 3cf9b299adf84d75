"""Running the library's own code on whole groups of rows, each in one task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

_TASK = "__task"
_MOST_SPREAD = 1024  # groups that get a partition each, on the dot


def in_tasks(
    rows: DataFrame, group: Column, n: int, task: Callable[[Any], Any], schema: T.StructType | str
) -> DataFrame:
    """Run a task on each of `n` groups of rows: one shuffle, one crossing into Python.

    Parameters
    ----------
    rows : DataFrame
    group : Column of int
        From 0 to n - 1.
    n : int
    task : callable
        Gets the rows of a group as an Arrow table, in any order, and returns another. As from
        `steelyard.frames.workers.in_worker`.
    schema : StructType or str
        Of what the task returns.
    """
    labels = F.lit([int(v) for v in _labels(rows.sparkSession, n)]).cast("array<bigint>")
    named = rows.withColumn(_TASK, F.element_at(labels, group + 1))
    return named.repartition(n, _TASK).groupBy(_TASK).applyInArrow(task, schema)


def _labels(spark: SparkSession, n: int) -> list[int]:
    """Return a name for each group, such that Spark's partitioner gives each a partition of its own.

    Plain numbers would leave a third of the partitions empty and put several groups into others.
    """
    if n == 1 or n > _MOST_SPREAD:
        return list(range(n))
    slot = F.pmod(F.hash("id"), n).alias("slot")
    found = spark.range(n * 32).groupBy(slot).agg(F.min("id").alias("id")).collect()
    taken = sorted(row["id"] for row in found)
    return (taken + [n * 32 + i for i in range(n - len(taken))])[:n]

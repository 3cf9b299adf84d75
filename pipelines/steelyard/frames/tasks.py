"""Running the library's own code on whole groups of rows, each in one task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.frames._blocks import _labels

TASK = "__task"


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
    label = F.element_at(F.lit([int(v) for v in _labels(rows.sparkSession, n)]).cast("array<bigint>"), group + 1)
    named = rows.withColumn(TASK, label)
    return named.repartition(n, TASK).groupBy(TASK).applyInArrow(task, schema)

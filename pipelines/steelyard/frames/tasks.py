"""Run the library's own code on whole groups of rows, each in one task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import internal
from steelyard.kernels.murmur import spark_hash

_TASK = internal("task")
_MOST_SPREAD = 1024  # groups that get a partition each, on the dot
_TRIED = 32  # names for each group, of which e**-32 miss a partition


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
    named = rows.withColumn(_TASK, _name_of(group, n))
    return named.repartition(n, _TASK).groupBy(_TASK).applyInArrow(task, schema)


def _name_of(group: Column, n: int) -> Column:
    """Return a name for each group, such that Spark's partitioner gives each a partition of its own.

    Plain numbers would leave a third of the partitions empty and put several groups into others.
    """
    if n == 1 or n > _MOST_SPREAD:
        return group.cast("bigint")
    slots, names = np.unique(np.mod(spark_hash(np.arange(n * _TRIED)), n), return_index=True)
    missed = range(n * _TRIED, n * _TRIED + n - len(slots))
    return F.element_at(F.expr(f"array({', '.join(f'{name}L' for name in (*sorted(names), *missed))})"), group + 1)

"""Run several Spark jobs at the same time, from threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pyspark.sql import SparkSession
from pyspark.util import inheritable_thread_target

T = TypeVar("T")

AT_ONCE = 8


def in_threads(spark: SparkSession, tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Call functions that run Spark jobs, at most eight at the same time; return their results in order.

    Jobs have the description and the tags that this thread's jobs have.

    Raises
    ------
    Exception
        The first failure in the order of the functions, once those that have begun are done.

    Examples
    --------
    >>> in_threads(spark, [df.count, df.where("is_fraud = 1").count])
    [1000, 10]
    """
    with ThreadPoolExecutor(min(AT_ONCE, max(len(tasks), 1))) as pool:
        # Each has properties of its own: Spark writes into those of a thread.
        found = [pool.submit(inheritable_thread_target(spark)(task)) for task in tasks]
        try:
            return [one.result() for one in found]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

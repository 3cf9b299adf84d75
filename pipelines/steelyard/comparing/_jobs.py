"""Several Spark jobs at once: threads that submit them, how many, and the cache that they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from math import ceil
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession

from steelyard.errors import translated
from steelyard.frames.workers import elsewhere


def at_once(spark: SparkSession, jobs: int, tasks: int) -> int:
    """Return how many jobs of so many tasks to submit at once.

    A local session runs the jobs in their order then. A cluster may grow, and gets all of them.
    """
    return jobs if elsewhere(spark) else min(ceil(spark.sparkContext.defaultParallelism / tasks) + 2, jobs)


def fill(cache: DataFrame) -> None:
    """Compute rows that are cached; what is wrong with a feature is an `InputError`."""
    try:
        cache.count()
    except Exception as error:  # Spark's failures have no common base
        raise translated(error, "packing the rows of the folds") from error


@contextmanager
def job_threads(spark: SparkSession, jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Return threads that submit jobs; after a failure or an interrupt, their jobs are cancelled."""
    tag = f"steelyard-compare-{uuid4().hex}"
    mark, cancel = _tagging(spark)
    pool = ThreadPoolExecutor(max(jobs, 1), initializer=mark, initargs=(tag,))
    try:
        yield pool
    except BaseException:
        with suppress(Exception):  # the session may be gone
            cancel(tag)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _tagging(spark: SparkSession) -> tuple[Callable[[str], object], Callable[[str], object]]:
    """Return what marks the jobs of a thread, and what cancels them.

    The tags of a classic session are those of its context: `SparkSession.addTag` leaves something in the session that
    cannot be sent to executors, and Spark ML's models with a training summary send their session along.
    """
    from pyspark.sql.utils import is_remote

    if is_remote():
        return spark.addTag, spark.interruptTag
    return spark.sparkContext.addJobTag, spark.sparkContext.cancelJobsWithTag

"""Caching that ends with its scope, so that nothing stays persisted afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from pyspark.sql import DataFrame


@contextmanager
def cached(df: DataFrame) -> Iterator[DataFrame]:
    """Persist `df` during a `with` block, unless the same rows are persisted already.

    Spark keeps one copy of equal plans, so to release what another holds would take it from them.

    Examples
    --------
    >>> with cached(df) as rows:
    ...     rows.count()
    1000
    """
    if df.storageLevel.useMemory or df.storageLevel.useDisk:
        yield df
        return
    kept = df.persist()
    try:
        yield kept
    finally:
        kept.unpersist()


def checkpointed(df: DataFrame) -> DataFrame:
    """Compute `df` now, and keep its rows on the executors while the result is referenced.

    For narrow results of a search: ids, verdicts. Unlike a cache, Spark removes them once they are unreferenced. A lost
    executor loses its rows, and the job fails: `errors.translated` says to run it again. It then gives the same rows.
    """
    kept: Any = df.localCheckpoint(eager=True)
    if kept.sparkSession is df.sparkSession:
        return cast(DataFrame, kept)
    # PySpark's Connect client takes rows that any session holds for those of the active one, which doesn't know them.
    kept._plan._spark_session = df.sparkSession
    return cast(DataFrame, type(kept)(kept._plan, df.sparkSession))

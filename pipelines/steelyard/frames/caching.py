"""Caching that ends with its scope, so that nothing stays persisted afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, cast

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


class Latest:
    """The rows of an iteration, each computed from those of the one before: only the last ones stay persisted.

    Persisted rows are released when they are replaced, unlike checkpointed ones, which Spark removes when the driver
    collects garbage. Every `every` iterations rows are checkpointed instead, because their plans grow.

    Parameters
    ----------
    every : int, default 10

    Examples
    --------
    >>> with Latest() as latest:
    ...     rows = latest.keep(df)
    ...     for _ in range(3):
    ...         rows = latest.keep(rows.filter("amount > 0"))
    ...         count = rows.count()
    """

    def __init__(self, every: int = 10) -> None:
        self._every, self._kept, self._count = every, list[DataFrame](), 0

    def keep(self, df: DataFrame) -> DataFrame:
        """Return rows that the next action persists. They may need the rows before, which are kept until then."""
        self._count += 1
        if self._count % self._every == 0:
            kept = checkpointed(df)
            self._release(0)
            return kept
        self._release(1)
        self._kept.append(df.persist())
        return self._kept[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._release(0)

    def _release(self, left: int) -> None:
        while len(self._kept) > left:
            self._kept.pop(0).unpersist()


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

"""Caching that ends with a scope, so that nothing stays persisted behind the user's back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame


@contextmanager
def cached(df: DataFrame) -> Iterator[DataFrame]:
    """Persist `df` for the length of a `with` block.

    Examples
    --------
    >>> with cached(df) as rows:  # doctest: +SKIP
    ...     rows.count()
    """
    kept = df.persist()
    try:
        yield kept
    finally:
        kept.unpersist()

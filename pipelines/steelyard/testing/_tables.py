"""Small tables for checks, and helpers that read results."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from pyspark.ml.linalg import Vector
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from steelyard.columns import class_text, quoted
from steelyard.errors import InputError

SCHEMA = (
    "id bigint, x double, y float, n int, big bigint, price decimal(12,2), label string, "
    "who string, at timestamp, w double, note string"
)
ROLES: dict[str, Any] = {
    "features_col": ["x", "y", "n", "big", "price"],
    "key_col": "id",
    "group_col": "who",
    "time_col": "at",
    "weight_col": "w",
    "cost_cols": ["price"],
}
SIZES = {"a": 41, "b": 17, "c": 12}
BIG = 2**60


def sample_rows(sizes: Mapping[str, int] = SIZES) -> list[tuple[Any, ...]]:
    """Return rows of `SCHEMA`; classes have the given sizes."""
    rng = np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    for label, size in sizes.items():
        for _ in range(size):
            x, y = (float(v) for v in rng.normal(size=2))
            n, cents, who, seconds = (int(v) for v in rng.integers(0, [100, 10**6, 4, 10**6]))
            at = datetime(2026, 1, 1) + timedelta(seconds=seconds)
            rows.append((len(rows), x, y, n, BIG + n, Decimal(cents) / 100, label, f"who{who}", at, 1.0 + who, "text"))
    return rows


def sample_table(spark: SparkSession, sizes: Mapping[str, int] = SIZES) -> DataFrame:
    """Return a small table with columns of many types and parts; it is sent to Spark once."""
    return _sent(spark, tuple(sizes.items()))


@lru_cache(maxsize=4)
def _sent(spark: SparkSession, sizes: tuple[tuple[str, int], ...]) -> DataFrame:
    return spark.createDataFrame(sample_rows(dict(sizes)), SCHEMA)


def plain_table(
    spark: SparkSession, values: Sequence[Sequence[Any]], labels: Sequence[Any], kind: str = "string"
) -> DataFrame:
    """Return a table of doubles ``f0``, ``f1``, … and a label of some SQL type."""
    names = ", ".join(f"f{i} double" for i in range(len(values[0])))
    rows = [(*(None if v is None else float(v) for v in row), y) for row, y in zip(values, labels, strict=True)]
    return spark.createDataFrame(rows, f"{names}, label {kind}")


def multiset(df: DataFrame) -> Counter[tuple[Any, ...]]:
    """Return how often each row occurs, floats to the last bit, columns by name."""
    return exactly(df.select(*sorted(map(quoted, df.columns))).collect())


def exactly(rows: Iterable[Row], without: str | None = None) -> Counter[tuple[Any, ...]]:
    """Return how often each row occurs, floats to the last bit, columns by name; one may be left out."""
    by_name: list[int] | None = None
    seen: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        if by_name is None:
            names = row.__fields__
            by_name = [i for i in sorted(range(len(names)), key=names.__getitem__) if names[i] != without]
        seen[tuple(_exact(row[i]) for i in by_name)] += 1
    return seen


def _exact(value: Any) -> Any:
    if isinstance(value, Vector):
        return _exact(value.toArray().tolist())
    if isinstance(value, list):
        return tuple(_exact(v) for v in value)
    return value.hex() if isinstance(value, float) else value


def class_sizes(df: DataFrame, label: str = "label") -> dict[str, int]:
    """Return the rows of each class."""
    return {r["c"]: r["count"] for r in df.groupBy(class_text(df, label).alias("c")).count().collect()}


def explained(df: DataFrame) -> str:
    """Return the physical plan as text."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        df.explain()
    return text.getvalue()


@contextlib.contextmanager
def shuffle_partitions(spark: SparkSession, n: int) -> Iterator[None]:
    """Set the number of partitions of shuffles for the length of a `with` block."""
    name = "spark.sql.shuffle.partitions"
    before = spark.conf.get(name)
    spark.conf.set(name, n)
    try:
        yield
    finally:
        spark.conf.set(name, str(before))


def refused(call: Callable[[], object], *parts: str, kind: type[Exception] = InputError) -> None:
    """Check that a call raises an error with all of `parts` in its message."""
    message: str | None = None
    try:
        call()
    except kind as error:
        message = str(error)
    assert message is not None, f"should have raised {kind.__name__}"
    missing = [p for p in parts if p not in message]
    assert not missing, f"{missing} should be in: {message}"


def shifted(df: DataFrame, columns: Sequence[str], by: float) -> DataFrame:
    """Add a number to some columns."""
    return df.withColumns({c: F.col(c) + F.lit(by) for c in columns})

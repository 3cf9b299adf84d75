"""Monitor scores of any model, from two tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, internal, of_class, require_columns
from steelyard.errors import InputError, closest
from steelyard.hashing import hashable, row_hash
from steelyard.monitoring._aggregate import count_rows
from steelyard.monitoring._alerts import Limits
from steelyard.monitoring._counts import BUCKETS, NEGATIVE, POSITIVE, UNKNOWN
from steelyard.monitoring._document import WIDTH, document
from steelyard.stats import class_counts

KNOWN = internal("known")
_SHOWN = 5


def monitor(
    reference: DataFrame,
    new: DataFrame,
    *,
    label: str,
    score: str,
    positive: str,
    threshold: float,
    key: Sequence[str] = (),
    labels: DataFrame | None = None,
    limits: Limits | None = None,
    width: float = WIDTH,
) -> dict[str, Any]:
    """Compare new scores of any model with scores of labelled rows: the content of `monitor.json` without features.

    Costs one scan of each table; with labels also a join and a scan of them.

    Parameters
    ----------
    reference : DataFrame
        Scores and labels of rows that the model did not learn from.
    new : DataFrame
        Scores of new rows.
    label, score : str
        Columns. Scores are in [0, 1].
    positive : str
        String form of the positive class.
    threshold : float
        Rows with at least this score are alarms.
    key : sequence of str
        Columns that `labels` are joined by.
    labels : DataFrame, optional
        Key and label of some new rows, which are a random sample in each range of scores.
    limits : Limits, optional
    width : float, default 0.5
        Wanted length of the 95 % interval of the prevalence, as a share of it.

    Raises
    ------
    InputError
        If a column is missing, labels have no key, or a score is null or outside [0, 1].
    """
    require_columns(reference, [label, score])
    require_columns(new, [score])
    found = class_counts(reference, label)
    if positive not in found.counts:
        raise InputError(
            f"positive: label {label!r} has no class {positive!r}.{closest(positive, found.counts)} "
            f"It has {', '.join(map(repr, list(found.counts)[:_SHOWN]))}"
        )
    classes = tuple(name for name in found.counts if name != positive), positive
    known = F.lit(UNKNOWN)
    rows = new
    if labels is not None:
        check_labels(labels, key, label, (*classes[0], positive))
        rows, known = with_labels(new, labels, key, label, classes), F.col(KNOWN)
    codes = of_class(reference, label, {**dict.fromkeys(classes[0], NEGATIVE), positive: POSITIVE})
    before, now = (
        count_rows(
            df.where(class_text(df, label).isNotNull()) if df is reference else df,
            score=col(score),
            alarm=col(score) >= F.lit(threshold),
            label=code,
            bucket=_bucket(df, key),
        )[0]
        for df, code in ((reference, codes), (rows, known))
    )
    return document(before, now, positive=positive, limits=limits, width=width)


def _bucket(df: DataFrame, key: Sequence[str]) -> Column:
    there = [name for name in key if name in df.columns]
    identity = there if key and len(there) == len(key) else [name for name in hashable(df) if name != KNOWN]
    return row_hash(df, identity, 0, "bucket") % BUCKETS


def check_labels(labels: DataFrame, key: Sequence[str], label: str, classes: Sequence[str]) -> int:
    """Return the number of known labels; refuse repeated keys and unknown classes. Costs two scans of the table.

    Raises
    ------
    InputError
    """
    if not key:
        raise InputError("labels are joined by the key, and there is none: name the columns that identify a row")
    require_columns(labels, key, "key")
    require_columns(labels, [label], "label")
    names = [internal(f"key {i}") for i in range(len(key))]
    known = class_counts(labels, label)
    unknown = [name for name in known.counts if name not in classes]
    if unknown:
        raise InputError(
            f"labels: column {label!r} has the value {unknown[0]!r}, which is not a class of the reference."
            f"{closest(unknown[0], classes)} Classes are {', '.join(map(repr, classes[:_SHOWN]))}"
        )
    keyed = labels.where(class_text(labels, label).isNotNull())
    groups = keyed.groupBy(*(col(k).alias(n) for k, n in zip(key, names, strict=True))).count()
    repeated = groups.where(F.col("count") > 1).orderBy(*names).head()
    if repeated is not None:
        shown = ", ".join(f"{k}={repeated[n]}" for k, n in zip(key, names, strict=True))
        raise InputError(f"labels: {repeated['count']:,} rows have the key {shown}; give one label for each row")
    return int(known.total)


def _as_key(labels: DataFrame, df: DataFrame, name: str) -> Column:
    """Return a key of labels in the type that it has in the rows; null where that type cannot hold it: 1.5 is not 1."""
    kind = dtype(df, name, "key")
    key = col(name).try_cast(kind)
    fractional = isinstance(dtype(labels, name), T.FractionalType) and isinstance(kind, T.IntegralType)
    return F.when(key == col(name), key) if fractional else key


def with_labels(
    df: DataFrame, labels: DataFrame, key: Sequence[str], label: str, classes: tuple[Sequence[str], str]
) -> DataFrame:
    """Return rows with the code of their label, `KNOWN`; `classes` are the negative ones and the positive one."""
    codes = {**dict.fromkeys(classes[0], NEGATIVE), classes[1]: POSITIVE}
    names = [internal(f"key {i}") for i in range(len(key))]
    keys = [_as_key(labels, df, k).alias(n) for k, n in zip(key, names, strict=True)]
    narrow = labels.where(class_text(labels, label).isNotNull()).select(
        *keys, of_class(labels, label, codes).alias(KNOWN)
    )
    same = [col(k) == F.col(n) for k, n in zip(key, names, strict=True)]
    joined = df.join(narrow, same, "left").drop(*names)
    return joined.withColumn(KNOWN, F.coalesce(F.col(KNOWN), F.lit(UNKNOWN)))

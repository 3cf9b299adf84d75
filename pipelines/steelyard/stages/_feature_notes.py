"""What is odd about features, and the line to add: identifiers, and categories of many levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype
from steelyard.dataset import Dataset

_MANY_LEVELS = 200
_FEW_ROWS = 50  # fewer are easily all different
_NEARLY = 0.9  # of the rows, for approximate counts of distinct values


def feature_notes(
    df: DataFrame, data: Dataset, rows: int, features: dict[str, Any], warn: Callable[[str], None]
) -> None:
    """Warn of features that look like identifiers, and of categories with hundreds of levels.

    Costs one scan of the whole numbers among the features, and one more of those that seem to be identifiers.

    Parameters
    ----------
    df : DataFrame
    data : Dataset
    rows : int
    features : dict
        Statistics of the features.
    warn : callable
        Takes notes.
    """
    identifiers = _identifiers(df, data, rows, features)
    for name in identifiers:
        warn(
            f"feature {name!r} looks like an identifier: its {rows:,} values are all different; leave it out with "
            f"data.exclude {name}"
        )
    for name in data.categorical:
        levels = _levels(features, name)
        if levels >= _MANY_LEVELS and name not in identifiers:
            warn(
                f"category {name!r} has {levels:,} levels or more, of which a model keeps the most frequent; "
                f"data.exclude {name} leaves it out"
            )


def _levels(features: dict[str, Any], name: str) -> int:
    return max((of.get("distinct", 0) for of in features[name]["by_class"].values()), default=0)


def _identifiers(df: DataFrame, data: Dataset, rows: int, features: dict[str, Any]) -> list[str]:
    """Return the whole numbers and texts among the features whose values are all different."""
    if rows < _FEW_ROWS:
        return []
    whole = [f for f in data.numeric if isinstance(dtype(df, f), T.IntegralType)]
    texts = [
        f for f in data.categorical if sum(of.get("distinct", 0) for of in features[f]["by_class"].values()) >= rows
    ]
    if whole:
        about = df.agg(*[F.approx_count_distinct(col(f)).alias(str(i)) for i, f in enumerate(whole)]).collect()[0]
        whole = [f for i, f in enumerate(whole) if about[str(i)] >= _NEARLY * rows]
    likely = [*whole, *texts]
    if not likely:
        return []
    exact = df.agg(*[F.count_distinct(col(f)).alias(str(i)) for i, f in enumerate(likely)]).collect()[0]
    return [f for i, f in enumerate(likely) if exact[str(i)] == rows]

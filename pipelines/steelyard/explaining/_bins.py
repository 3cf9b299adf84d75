"""Ranges and levels of features, of which slices are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, internal, of_key, require_columns
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.hashing import row_hash

_SAMPLE = 10_000  # rows, from which deciles and frequent levels are taken
_RANGES = 10
_LEVELS = 20
_SLICED = T.NumericType | T.StringType | T.BooleanType


@dataclass(frozen=True)
class Bins:
    """The bins of a feature: code 0 is a missing value, 1 to n are its ranges or levels, n + 1 is any other level.

    `edges` are the inner edges of ranges, ascending; a range holds its lower edge. Of a category, `levels`.
    """

    feature: str
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    category: bool = False

    @property
    def count(self) -> int:
        """Number of codes."""
        return len(self.levels) + 2 if self.category else len(self.edges) + 2

    def code(self, df: DataFrame) -> Column:
        """Return the code of each row."""
        if self.category:
            level = class_text(df, self.feature)
            known = of_key({name: i + 1 for i, name in enumerate(self.levels)}, level)
            return F.when(level.isNull(), 0).otherwise(F.coalesce(known, F.lit(len(self.levels) + 1))).cast("int")
        value = col(self.feature).cast("double")
        above = F.lit(1)
        for edge in self.edges:
            above = above + (value >= F.lit(edge)).cast("int")
        return F.when(value.isNull() | F.isnan(value), 0).otherwise(above).cast("int")

    def where(self, code: int) -> Mapping[str, Any]:
        """Return the condition of a code."""
        name: dict[str, Any] = {"feature": self.feature}
        if code == 0:
            return name | {"missing": True}
        if self.category:
            return name | ({"value": self.levels[code - 1]} if code <= len(self.levels) else {"rare": True})
        low = self.edges[code - 2] if code > 1 else None
        high = self.edges[code - 1] if code <= len(self.edges) else None
        return name | {k: v for k, v in (("at_least", low), ("below", high)) if v is not None}


def check_sliced(df: DataFrame, data: Dataset, names: Sequence[str], key: str) -> None:
    """Check columns that are named for slices. Reads no row.

    Parameters
    ----------
    df : DataFrame
    data : Dataset
    names : sequence of str
    key : str
        Where they are named, for messages.

    Raises
    ------
    InputError
        For a column that is not in the table, the label, and a type that has no ranges or levels.
    """
    require_columns(df, names, f"{key} column")
    for name in names:
        kind = dtype(df, name)
        if name == data.label:
            raise InputError(f"{key} names the label {name!r}; name other columns")
        if not isinstance(kind, _SLICED):
            raise InputError(f"{key} names {name!r}, which is {kind.simpleString()}; name numbers, texts and booleans")


def fit_bins(df: DataFrame, data: Dataset, features: Sequence[str] | None = None) -> list[Bins]:
    """Return the bins of features that have some: deciles or frequent levels of a sample by the hash of the row.

    Numbers with at most ten values have a bin for each. Arrays and vectors are left out.
    """
    names = list(data.features if features is None else features)
    if features is not None:
        check_sliced(df, data, names, "features")
    names = [name for name in names if isinstance(dtype(df, name), _SLICED)]
    if not names:
        return []
    category = {name: name in data.categorical or not isinstance(dtype(df, name), T.NumericType) for name in names}
    values = [class_text(df, n).alias(n) if category[n] else col(n).cast("double").alias(n) for n in names]
    place = internal("place")
    named = row_hash(df, data.identity, 0, "slices").alias(place)
    table = df.select(named, *values).orderBy(place).limit(_SAMPLE).toArrow()
    made = [_level_bins(n, table.column(n)) if category[n] else _range_bins(n, table.column(n)) for n in names]
    return [bins for bins in made if bins.count > 2 or (bins.category and bins.levels)]


def _level_bins(name: str, column: pa.ChunkedArray) -> Bins:
    counts = column.drop_null().value_counts().to_pylist()
    ordered = sorted(counts, key=lambda of: (-of["counts"], of["values"]))
    return Bins(name, levels=tuple(of["values"] for of in ordered[:_LEVELS]), category=True)


def _range_bins(name: str, column: pa.ChunkedArray) -> Bins:
    values = column.to_numpy().astype(np.float64)
    values = np.sort(values[np.isfinite(values)])
    distinct = np.unique(values)
    if len(distinct) <= _RANGES:
        return Bins(name, edges=tuple(distinct[1:].tolist()))
    inner = np.quantile(values, np.arange(1, _RANGES) / _RANGES, method="higher")
    return Bins(name, edges=tuple(np.unique(inner[inner > values[0]]).tolist()))

"""Convert results of tasks to rows with the columns of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.sampling.applying import IS_SYNTHETIC
from steelyard.sampling.features import is_number, placed
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space

_EXACT_DIGITS = 15  # that a double carries


def made_rows(new: DataFrame, table: DataFrame, roles: Roles, space: Space, classes: Sequence[str]) -> DataFrame:
    """Return new rows with the table's columns and `is_synthetic`; columns other than label and features are null.

    `new` has ``code``, ``x`` and ``c``, as tasks return them; `classes` are by code. Reads the table once more if a
    feature has more digits than a double, for its bounds.
    """
    values = _features(table, space)
    for name, (low, high) in _bounds(table, roles.label, space, classes).items():
        values[name] = F.least(F.greatest(values[name], low), high)
    labels = F.element_at(F.lit(list(classes)).cast("array<string>"), F.col("code") + 1)
    values[roles.label] = labels.cast(dtype(table, roles.label))
    columns = [
        values.get(f.name, F.lit(None)).cast(f.dataType).alias(f.name)
        for f in table.schema.fields
        if f.name != IS_SYNTHETIC
    ]
    return new.select(*columns, F.lit(True).alias(IS_SYNTHETIC))


def _features(table: DataFrame, space: Space) -> dict[str, Column]:
    found, start = {}, 1
    for name in space.features.numbers:
        kind, width = dtype(table, name), space.widths[name]
        part = F.element_at("x", start) if is_number(kind) else F.slice("x", start, width)
        found[name], start = placed(kind, part), start + width
    for i, name in enumerate(space.features.categories, 1):
        found[name] = F.element_at("c", i).cast(dtype(table, name))
    return found


def _bounds(table: DataFrame, label: str, space: Space, classes: Sequence[str]) -> dict[str, tuple[Column, Column]]:
    """Return the least and the greatest value in the class, of features with more digits than a double."""
    kinds = {f: dtype(table, f) for f in space.features.numbers}
    wide = [
        f
        for f, kind in kinds.items()
        if isinstance(kind, T.LongType) or (isinstance(kind, T.DecimalType) and kind.precision > _EXACT_DIGITS)
    ]
    if not wide:
        return {}
    measures = [of(col(f)).alias(f"{n}{i}") for i, f in enumerate(wide) for n, of in (("low", F.min), ("high", F.max))]
    rows = table.groupBy(class_text(table, label).alias("class")).agg(*measures).collect()
    by_class = {r["class"]: r for r in rows}

    def of_class(name: str, kind: T.DataType) -> Column:
        values: list[Any] = [by_class[c][name] for c in classes]
        return F.element_at(F.array(*[F.lit(v).cast(kind) for v in values]), F.col("code") + 1)

    return {f: (of_class(f"low{i}", kinds[f]), of_class(f"high{i}", kinds[f])) for i, f in enumerate(wide)}

"""From parents to new rows, column by column."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype, is_vector
from steelyard.hashing import row_hash
from steelyard.sampling._apply import IS_SYNTHETIC
from steelyard.sampling._features import as_vector, is_number, placed
from steelyard.sampling._plan import SamplingPlan
from steelyard.sampling._roles import Roles
from steelyard.sampling._space import Space

PROVENANCE = ("row_id", "seed_id", "neighbor_id", "gap")


def inherited(roles: Roles) -> list[str]:
    """Return the columns of parents that new rows need."""
    apart = [c for c in (roles.weight, roles.group, roles.time) if c is not None]
    return list(dict.fromkeys([roles.label, *roles.features, *roles.costs, *apart]))


def packed(rows: DataFrame, columns: list[str], *more: Column) -> Column:
    """Return some columns as a struct that Arrow carries safely.

    Vectors go as arrays: they don't cross into Python on Spark Connect. Timestamps go as microseconds: Arrow's type
    of them changes with the session's time zone.
    """
    from pyspark.ml.functions import vector_to_array

    def plain(name: str) -> Column:
        if is_vector(rows, name):
            return vector_to_array(col(name))
        return F.unix_micros(col(name)) if isinstance(dtype(rows, name), T.TimestampType) else col(name)

    return F.struct(*[plain(c).alias(c) for c in columns], *more)


def new_rows(
    pairs: DataFrame, table: DataFrame, roles: Roles, space: Space, plan: SamplingPlan, *, id_column: str | None = None
) -> DataFrame:
    """Return a new row for each pair of parents, with the table's columns, `is_synthetic` and provenance if asked for.

    Parameters
    ----------
    pairs : DataFrame
        As from `steelyard.frames.neighbors.pairs`; with ``point`` (array<double>), the numbers of the new row, where
        they don't lie on the way between its parents.
    table : DataFrame
        Gives names and types.
    roles : Roles
    space : Space
    plan : SamplingPlan
    id_column : str, optional
        Column that gets the id of each new row, whether or not provenance is asked for.
    """
    numbers = _numbers(pairs, table, space)
    columns = [
        _typed(f.dataType, _value(f, roles, space, numbers)).alias(f.name)
        for f in table.schema.fields
        if f.name != IS_SYNTHETIC
    ]
    columns.append(F.lit(True).alias(IS_SYNTHETIC))
    row_id = row_hash(pairs, ["seed_id", "replicate"], plan.seed, plan.purpose)
    if id_column is not None:
        columns.append(row_id.alias(id_column))
    if plan.provenance:
        columns += [row_id.alias("row_id"), *(F.col(c) for c in PROVENANCE[1:])]
    return pairs.select(*columns)


def _numbers(pairs: DataFrame, table: DataFrame, space: Space) -> dict[str, Column]:
    """Return the features of a new row that are numbers, by name."""
    found, start = {}, 0
    for name in space.features.numbers:
        kind, width = dtype(table, name), space.widths[name]
        if "point" in pairs.columns:
            part = F.element_at("point", start + 1) if is_number(kind) else F.slice("point", start + 1, width)
            found[name] = _stepped(_parents(name)[0], part) if _is_whole(kind) else placed(kind, part)
        else:
            found[name] = between(kind, *_parents(name), F.col("gap"))
        start += width
    return found


def _is_whole(kind: T.DataType) -> bool:
    return isinstance(kind, T.IntegralType)


def _stepped(seed: Column, point: Column) -> Column:
    """Return a whole number at a point: whole steps from the seed, so that numbers beyond 2**53 keep their digits."""
    return seed.cast("bigint") + F.rint(point - seed.cast("double")).cast("bigint")


def _parents(name: str) -> tuple[Column, Column]:
    return F.col("seed").getField(name), F.col("neighbor").getField(name)


def _value(column: T.StructField, roles: Roles, space: Space, numbers: Mapping[str, Column]) -> Column:
    name, kind = column.name, column.dataType
    a, b = _parents(name)
    if name == roles.label:
        return a
    if name in numbers:
        return numbers[name]
    if name in space.features.categories:
        return F.coalesce(F.col("mode").getField(name), a)
    if name == roles.weight or name in roles.costs:
        return F.when(a.isNotNull() & b.isNotNull(), between(kind, a, b, F.col("gap")))
    if name == roles.group:
        return F.when(a.eqNullSafe(b), a)
    if name == roles.time:
        return F.greatest(a, b)
    return F.lit(None)


def _typed(kind: T.DataType, value: Column) -> Column:
    return F.timestamp_micros(value.cast("bigint")) if isinstance(kind, T.TimestampType) else value.cast(kind)


def between(kind: T.DataType, a: Column, b: Column, gap: Column) -> Column:
    """Return the number at `gap` of the way from `a` to `b`, with its type; of arrays, each element.

    For a vector, `a` and `b` are given as arrays.
    Never outside of `a` and `b`: rounding is cut off. Whole numbers are rounded to whole numbers.
    """
    if isinstance(kind, T.ArrayType):
        inner = kind.elementType
        return F.zip_with(a, b, lambda x, y: between(inner, x, y, gap)).cast(kind)
    if not is_number(kind):
        return as_vector(between(T.ArrayType(T.DoubleType()), a, b, gap))
    if isinstance(kind, T.IntegralType):
        # Whole steps from `a`, so that numbers beyond 2**53 keep their digits.
        step = F.rint(gap * F.try_subtract(b.cast("bigint"), a.cast("bigint")).cast("double"))
        value = F.try_add(a.cast("bigint"), step.try_cast("bigint"))
    else:
        value = a.cast("double") + gap * (b.cast("double") - a.cast("double"))
    typed = F.coalesce(value.try_cast(kind), a)
    return F.least(F.greatest(typed, F.least(a, b)), F.greatest(a, b))

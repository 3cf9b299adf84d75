"""From parents to new rows, column by column."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import clamped, col, dtype, is_vector
from steelyard.domain import immutable
from steelyard.hashing import row_hash
from steelyard.sampling.applying import IS_SYNTHETIC, PROVENANCE
from steelyard.sampling.domain import within_domain
from steelyard.sampling.features import as_vector, is_array, is_float, is_number, placed
from steelyard.sampling.plan import SamplingPlan
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space


def inherited(roles: Roles) -> list[str]:
    """Return the columns of parents that new rows need."""
    apart = [c for c in (roles.weight, roles.group, roles.time) if c is not None]
    return list(dict.fromkeys([roles.label, *roles.features, *roles.costs, *apart]))


def fields(roles: Roles) -> dict[str, str]:
    """Return the field of a parent's struct that holds each column: generated names, which are safe in SQL text."""
    return {name: f"c{i}" for i, name in enumerate(inherited(roles))}


def on_the_way(table: DataFrame, roles: Roles, space: Space) -> list[str]:
    """Return the features that new rows can have from the points of their parents: floats, where there are no gaps.

    Immutable features are copied instead.
    """

    def real(kind: T.DataType) -> bool:
        return is_float(kind.elementType) if isinstance(kind, T.ArrayType) else is_float(kind) or not is_number(kind)

    copied = set(immutable(roles.domain))
    return [] if space.fills else [f for f in space.features.numbers if f not in copied and real(dtype(table, f))]


def packed(rows: DataFrame, columns: Mapping[str, str], *more: Column) -> Column:
    """Return some columns, each under the name of its field, as a struct that Arrow carries safely.

    Vectors go as arrays: they don't cross into Python on Spark Connect. Timestamps go as microseconds: Arrow's type
    of them changes with the session's time zone.
    """
    from pyspark.ml.functions import vector_to_array

    def plain(name: str) -> Column:
        if is_vector(rows, name):
            return vector_to_array(col(name))
        return F.unix_micros(col(name)) if isinstance(dtype(rows, name), T.TimestampType) else col(name)

    return F.struct(*[plain(c).alias(field) for c, field in columns.items()], *more)


def new_rows(
    pairs: DataFrame, table: DataFrame, roles: Roles, space: Space, plan: SamplingPlan, *, id_column: str | None = None
) -> DataFrame:
    """Return a new row for each pair of parents, with the table's columns, `is_synthetic` and provenance if asked for.

    Rows obey the domain in `roles`.

    Parameters
    ----------
    pairs : DataFrame
        As from `steelyard.frames.neighbors.pairs`. With ``way``, parents may lack the columns of `on_the_way`. With
        ``point`` (array<double>), these are the numbers of the new row.
    table : DataFrame
        Gives names and types.
    roles : Roles
    space : Space
    plan : SamplingPlan
    id_column : str, optional
        Column that gets the id of each new row, whether or not provenance is asked for.
    """
    made = _numbers(pairs, table, roles, space) | _copied(table, roles)
    columns = [
        (made[f.name] if f.name in made else _typed(f.dataType, _value(f, roles, space))).alias(f.name)
        for f in table.schema.fields
        if f.name != IS_SYNTHETIC
    ]
    columns.append(F.lit(True).alias(IS_SYNTHETIC))
    row_id = row_hash(pairs, ["seed_id", "replicate"], plan.seed, plan.purpose)
    if id_column is not None:
        columns.append(row_id.alias(id_column))
    if plan.provenance:
        columns += [row_id.alias("row_id"), *(F.col(c) for c in PROVENANCE[1:])]
    return within_domain(pairs.select(*columns), roles.domain)


def _copied(table: DataFrame, roles: Roles) -> dict[str, Column]:
    """Return the immutable features of a new row, by name: those of its seed."""
    field = fields(roles)
    seeds = {name: F.col(_parents(field[name])[0]) for name in immutable(roles.domain)}
    return {n: as_vector(seed) if is_vector(table, n) else seed.cast(dtype(table, n)) for n, seed in seeds.items()}


def _numbers(pairs: DataFrame, table: DataFrame, roles: Roles, space: Space) -> dict[str, Column]:
    """Return the features of a new row that are numbers, by name, with their types."""
    found, start = {}, 0
    columns, way = set(pairs.columns), set(on_the_way(table, roles, space))
    field = fields(roles)
    for name in space.features.numbers:
        kind, width = dtype(table, name), space.widths[name]
        if "point" in columns:
            part = _part("point", kind, start, width)
            whole = isinstance(kind, T.IntegralType)
            found[name] = _stepped(kind, F.col(_parents(field[name])[0]), part) if whole else placed(kind, part)
        elif "way" in columns and name in way:
            found[name] = placed(kind, _part("way", kind, start, width))
        else:
            found[name] = between(kind, *_parents(field[name]), "gap")
        start += width
    return found


def _part(numbers: str, kind: T.DataType, start: int, width: int) -> Column:
    return F.element_at(numbers, start + 1) if is_number(kind) else F.slice(numbers, start + 1, width)


def _stepped(kind: T.DataType, seed: Column, point: Column) -> Column:
    """Return a whole number at a point: whole steps from the seed, so that numbers beyond 2**53 keep their digits.

    The seed itself where the type can't hold the number at the point.
    """
    steps = F.rint(point - seed.cast("double")).try_cast("bigint")
    return F.coalesce(F.try_add(seed.cast("bigint"), steps).try_cast(kind), seed)


def _parents(field: str) -> tuple[str, str]:
    return f"seed.{field}", f"neighbor.{field}"


def _value(column: T.StructField, roles: Roles, space: Space) -> Column:
    name, kind = column.name, column.dataType
    field = fields(roles).get(name)
    if field is None:
        return F.lit(None)
    parents = _parents(field)
    a, b = map(F.col, parents)
    if name == roles.label:
        return a
    if name in space.features.categories:
        return F.coalesce(F.col("mode").getField(field), a)
    if name == roles.weight or name in roles.costs:
        return F.when(a.isNotNull() & b.isNotNull(), between(kind, *parents, "gap"))
    if name == roles.group:
        return F.when(a.eqNullSafe(b), a)
    if name == roles.time:
        return F.greatest(a, b)
    return F.lit(None)


def _typed(kind: T.DataType, value: Column) -> Column:
    return F.timestamp_micros(value.cast("bigint")) if isinstance(kind, T.TimestampType) else value.cast(kind)


def between(kind: T.DataType, a: str, b: str, gap: str) -> Column:
    """Return the number at `gap` of the way from `a` to `b`, with its type; of arrays, each element.

    `a`, `b` and `gap` are SQL of generated names, a vector given as an array: as text, a feature is one round trip to
    the JVM and not fifty. Never outside of `a` and `b`: rounding is cut off. Whole numbers are rounded.
    """
    if is_array(kind) or is_number(kind):
        return F.expr(_between(kind, a, b, gap))
    return as_vector(F.expr(_between(T.ArrayType(T.DoubleType()), a, b, gap)))


def _between(kind: T.DataType, a: str, b: str, gap: str) -> str:
    name = kind.simpleString()
    if isinstance(kind, T.ArrayType):
        return f"cast(zip_with({a}, {b}, (x, y) -> {_between(kind.elementType, 'x', 'y', gap)}) as {name})"
    if isinstance(kind, T.IntegralType):
        # Whole steps from `a`, so that numbers beyond 2**53 keep their digits.
        way = f"try_subtract(cast({b} as bigint), cast({a} as bigint))"
        value = f"try_add(cast({a} as bigint), try_cast(rint({gap} * cast({way} as double)) as bigint))"
    else:
        value = f"cast({a} as double) + {gap} * (cast({b} as double) - cast({a} as double))"
    typed = f"coalesce(try_cast({value} as {name}), {a})"
    return clamped(typed, a, b)

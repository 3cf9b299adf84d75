"""From parents to new rows, column by column."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype, is_vector
from steelyard.hashing import row_hash
from steelyard.sampling._apply import IS_SYNTHETIC
from steelyard.sampling._numeric import between
from steelyard.sampling._plan import SamplingPlan
from steelyard.sampling._roles import Roles

PROVENANCE = ("row_id", "seed_id", "neighbor_id", "gap")


def inherited(roles: Roles) -> list[str]:
    """Return the columns of parents that new rows need."""
    apart = [c for c in (roles.weight, roles.group, roles.time) if c is not None]
    return list(dict.fromkeys([roles.label, *roles.features, *roles.costs, *apart]))


def packed(rows: DataFrame, columns: list[str]) -> Column:
    """Return some columns as a struct that Arrow carries safely.

    Vectors go as arrays: they don't cross into Python on Spark Connect. Timestamps go as microseconds: Arrow's type
    of them changes with the session's time zone.
    """
    from pyspark.ml.functions import vector_to_array

    def plain(name: str) -> Column:
        if is_vector(rows, name):
            return vector_to_array(col(name))
        return F.unix_micros(col(name)) if isinstance(dtype(rows, name), T.TimestampType) else col(name)

    return F.struct(*[plain(c).alias(c) for c in columns])


def new_rows(pairs: DataFrame, table: DataFrame, roles: Roles, plan: SamplingPlan) -> DataFrame:
    """Return a new row for each pair of parents, with the table's columns, `is_synthetic` and provenance if asked for.

    Parameters
    ----------
    pairs : DataFrame
        As from `steelyard.frames.neighbors.pairs`.
    table : DataFrame
        Gives names and types.
    roles : Roles
    plan : SamplingPlan
    """
    columns = [
        _typed(f.dataType, _value(f, roles)).alias(f.name) for f in table.schema.fields if f.name != IS_SYNTHETIC
    ]
    columns.append(F.lit(True).alias(IS_SYNTHETIC))
    if plan.provenance:
        row_id = row_hash(pairs, ["seed_id", "replicate"], plan.seed, plan.purpose)
        columns += [row_id.alias("row_id"), *(F.col(c) for c in PROVENANCE[1:])]
    return pairs.select(*columns)


def _value(column: T.StructField, roles: Roles) -> Column:
    name, kind = column.name, column.dataType
    a, b = F.col("seed").getField(name), F.col("neighbor").getField(name)
    if name == roles.label:
        return a
    if name in roles.features:
        return between(kind, a, b, F.col("gap"))
    if name == roles.weight or name in roles.costs:
        return F.when(a.isNotNull() & b.isNotNull(), between(kind, a, b, F.col("gap")))
    if name == roles.group:
        return F.when(a.eqNullSafe(b), a)
    if name == roles.time:
        return F.greatest(a, b)
    return F.lit(None)


def _typed(kind: T.DataType, value: Column) -> Column:
    return F.timestamp_micros(value.cast("bigint")) if isinstance(kind, T.TimestampType) else value.cast(kind)

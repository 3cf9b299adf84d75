"""Row identity: canonical encoding, hash and id of a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, decimal_text, doubles, dtype, internal
from steelyard.errors import InputError

ENCODING_VERSION = 2
HASH_BITS = 63
EVERYTHING = 1 << HASH_BITS
ROW_ID = internal("row_id")

_MANY = 200
"""Neighbouring floats from which an array takes their place: Spark compiles an expression for each column."""


def encode(df: DataFrame, columns: Iterable[str]) -> list[Column]:
    """Return the canonical encoding of some columns, to be hashed.

    Columns are taken in the order of their names. Each gives a null marker and a value: integers as bigint,
    floats as double, decimals as plain digits, times as microseconds, vectors and arrays element by element.
    So the hash of a row doesn't change when a column is widened or the order of columns changes, and rows
    that differ in where their nulls are do not collide.

    Raises
    ------
    InputError
        For a missing column, or one of a type that has no canonical form (map, variant).
    """
    kinds = {name: dtype(df, name) for name in sorted(set(columns))}
    parts: list[Column] = []
    for floats, run in groupby(kinds, lambda name: isinstance(kinds[name], T.FloatType | T.DoubleType)):
        names = list(run)
        if floats and len(names) > _MANY:
            parts.append(_many_floats(names))
        else:
            parts += [part for name in names for part in _marked(col(name), kinds[name], name)]
    return parts


def _many_floats(names: Sequence[str]) -> Column:
    """Return the encoding of neighbouring floats as one array. Its hash is that of its parts, one after the other."""
    return F.transform(doubles(names), lambda value: F.struct(value.isNull(), value))


def _marked(value: Column, kind: T.DataType, name: str) -> list[Column]:
    return [value.isNull(), *_encoded(value, kind, name)]


def _encoded(value: Column, kind: T.DataType, name: str) -> list[Column]:
    if isinstance(kind, T.IntegralType):
        return [value.cast("bigint")]
    if isinstance(kind, T.FractionalType):
        return [decimal_text(value, kind) if isinstance(kind, T.DecimalType) else value.cast("double")]
    if isinstance(kind, T.TimestampType):
        return [F.unix_micros(value)]
    if isinstance(kind, T.DateType):
        return [F.unix_date(value).cast("bigint")]
    if isinstance(kind, T.StringType | T.BooleanType | T.BinaryType):
        return [value]
    if kind.typeName() == "udt" or hasattr(kind, "sqlType"):
        return _encoded_vector(value, kind, name)
    if isinstance(kind, T.ArrayType):
        inner = kind.elementType
        size = F.when(value.isNotNull(), F.size(value))  # without ANSI mode, the size of a null is -1
        return [size, F.transform(value, lambda x: F.struct(*_marked(x, inner, name)))]
    if isinstance(kind, T.StructType):
        fields = [(value.getField(f.name), f.dataType) for f in kind.fields]
        return [part for field, of in fields for part in _marked(field, of, name)]
    if isinstance(kind, T.MapType | T.VariantType):
        raise InputError(
            f"column {name!r} is of type {kind.simpleString()}, which cannot identify a row; "
            "name a key, or leave the column out of the table"
        )
    return [value.cast("string")]


def _encoded_vector(value: Column, kind: T.DataType, name: str) -> list[Column]:
    from pyspark.ml.functions import vector_to_array
    from pyspark.ml.linalg import VectorUDT

    if not isinstance(kind, VectorUDT):
        raise InputError(f"column {name!r} is of type {kind.simpleString()}, which cannot identify a row")
    # Asked for the elements of a null, it raises.
    array = F.when(value.isNotNull(), vector_to_array(value))
    return _encoded(array, T.ArrayType(T.DoubleType()), name)


def row_hash(df: DataFrame, columns: Iterable[str], seed: int, purpose: str) -> Column:
    """Return a row's place in the random order of (`seed`, `purpose`).

    Parameters
    ----------
    df : DataFrame
        Gives the types of the columns.
    columns : iterable of str
        What identifies a row.
    seed : int
    purpose : str
        Keeps decisions apart: two purposes give unrelated orders under one seed.

    Returns
    -------
    Column of bigint
        In [0, 2**63).
    """
    encoded = encode(df, columns)
    return F.shiftrightunsigned(F.xxhash64(*encoded, F.lit(int(seed)).cast("bigint"), F.lit(purpose)), 1)


def group_hash(df: DataFrame, group: str, own: Column, purpose: str) -> Column:
    """Return the place of a row's group in a random order; a row without a group is one of its own.

    Parameters
    ----------
    df : DataFrame
    group : str
    own : Column of bigint
        The place of a row without a group.
    purpose : str

    Returns
    -------
    Column of bigint
        In [0, 2**63).

    Examples
    --------
    >>> rows = spark.createDataFrame([(i, "g" if i < 3 else None) for i in range(6)], "id int, g string")
    >>> rows.select(group_hash(rows, "g", row_hash(rows, ["id"], 0, "bucket"), "bucket")).distinct().count()
    4
    """
    return F.when(col(group).isNull(), own).otherwise(row_hash(df, [group], 0, purpose))


def hashable(df: DataFrame) -> list[str]:
    """Return the columns that have a canonical encoding: all but those that are, or hold, maps and variants."""
    return [f.name for f in df.schema.fields if _has_encoding(f.dataType)]


def _has_encoding(kind: T.DataType) -> bool:
    if isinstance(kind, T.ArrayType):
        return _has_encoding(kind.elementType)
    if isinstance(kind, T.StructType):
        return all(_has_encoding(f.dataType) for f in kind.fields)
    return not isinstance(kind, T.MapType | T.VariantType)


def sample_limit(wanted: int, total: int) -> int:
    """Return the last position of a sample of about `wanted` of `total` rows: those with the smallest hashes."""
    return min(wanted * EVERYTHING // max(total, 1), EVERYTHING - 1)


def unit_hash(df: DataFrame, identity: Iterable[str], others: Iterable[str], purpose: str) -> Column:
    """Return a place in a random order in which rows of equal identity have different places.

    Rows of equal identity are numbered by a window, so that each counts as a unit of its own. Rows that are also equal
    in `others` are interchangeable.

    Parameters
    ----------
    df : DataFrame
    identity : iterable of str
        Columns that identify a row, not necessarily uniquely.
    others : iterable of str
        Columns in which rows of equal identity may differ.
    purpose : str

    Returns
    -------
    Column of bigint
        In [0, 2**63). Costs one shuffle of the columns that the query selects.
    """
    place = row_hash(df, identity, 0, purpose)
    occurrence = F.row_number().over(Window.partitionBy(place).orderBy(row_hash(df, others, 0, "row")))
    return F.shiftrightunsigned(F.xxhash64(place, occurrence.cast("bigint")), 1)


def with_row_id(df: DataFrame, identity: Iterable[str], *, column: str = ROW_ID) -> DataFrame:
    """Add an id that is unique among rows and independent of their order.

    The id is the hash of the identity and of the row's occurrence among rows of equal identity, which are ordered
    by the hash of the whole row. Costs one shuffle of `df`: select the narrow columns first.

    Parameters
    ----------
    df : DataFrame
    identity : iterable of str
        Columns that identify a row, not necessarily uniquely.
    column : str, default `ROW_ID`
        Name of the new bigint column.
    """
    key, whole = internal("key"), internal("whole_row")
    hashed = df.select(
        "*",
        row_hash(df, identity, 0, "key").alias(key),
        row_hash(df, hashable(df), 0, "row").alias(whole),
    )
    occurrence = F.row_number().over(Window.partitionBy(key).orderBy(whole))
    number = F.shiftrightunsigned(F.xxhash64(F.col(key), occurrence.cast("bigint")), 1)
    return hashed.withColumn(column, number).drop(key, whole)

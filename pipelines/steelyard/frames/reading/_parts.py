"""Files of one table with different types: each part is read unchanged, then widened without loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, combined
from steelyard.errors import InputError, reason
from steelyard.frames.reading._files import Listing, content_options, load_files
from steelyard.frames.reading._footer_types import readable, schema_of
from steelyard.frames.reading._footers import Group, groups
from steelyard.frames.reading._source import Source

_NANOS = "spark.sql.legacy.parquet.nanosAsLong"
_WHOLE = (T.ByteType, T.ShortType, T.IntegerType, T.LongType)
_EXACT = 2**53


def detect_parts(
    spark: SparkSession, source: Source, listing: Listing, form: str, like: Mapping[str, T.DataType]
) -> tuple[dict[str, Any], list[str]]:
    """Return the layout of Parquet or ORC files, as JSON types, and notes. Reads footers, no content.

    The layout has the table's schema and its parts: files of equal types, with their own schema and the columns in it
    that are times in nanoseconds. Errors name file and column.
    """
    empty = [f[0] for f in listing.files if f[1] == 0]
    if empty:
        raise InputError(f"cannot read {empty[0]}: it is empty")
    found = groups(listing.paths, form)
    if source.schema is not None:
        fields = spark.createDataFrame([], source.schema).schema.fields
        return _layout(T.StructType(fields), [_part(T.StructType(fields), [], {})]), []
    if found is None:  # a file system that only Spark reaches: Spark merges the schemas
        merged = load_files(spark, source, form, listing.paths, mergeSchema="true").schema
        return _layout(merged, [_part(merged, [], {})]), []
    notes: list[str] = []
    parts = [_part_of(spark, source, listing, form, group, notes) for group in found]
    schema = _common(parts, listing, notes, like)
    if len(parts) == 1:
        parts[0]["files"] = []
    return _layout(schema, parts), list(dict.fromkeys(notes))


def _layout(schema: T.StructType, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"schema": schema.jsonValue(), "parts": list(parts)}


def _part(schema: T.StructType, files: Sequence[int], nanos: Mapping[str, str]) -> dict[str, Any]:
    return {"schema": schema.jsonValue(), "files": list(files), "nanos": dict(nanos), "void": []}


def _nanoseconds(schema: pa.Schema) -> dict[str, str]:
    """Return the times in nanoseconds, which Spark reads as whole numbers, and the type that they get."""
    times = [f for f in schema if pa.types.is_timestamp(f.type) and f.type.unit == "ns"]
    return {f.name: "timestamp_ntz" if f.type.tz is None else "timestamp" for f in times}


def _part_of(
    spark: SparkSession, source: Source, listing: Listing, form: str, group: Group, notes: list[str]
) -> dict[str, Any]:
    """Return a part; its types are Spark's own, where Spark has any for all of its columns."""
    nanos = _nanoseconds(group.schema) if form == "parquet" else {}
    first = listing.paths[group.files[0]]
    try:
        if nanos:
            spark.conf.set(_NANOS, "true")
        known = schema_of(group) if form == "parquet" and not content_options(source) else None
        schema = known or load_files(spark, source, form, [first]).schema
    except (PySparkException, Py4JError) as error:
        schema = readable(group.schema, first, reason(error), notes)
    if nanos:
        notes.append(f"times in nanoseconds are read to microseconds: {', '.join(map(repr, nanos))}")
    part = _part(schema, group.files, nanos)
    part["void"] = [f.name for f in group.schema if pa.types.is_null(f.type)]
    return part


def _read_as(part: Mapping[str, Any]) -> list[T.StructField]:
    """Return the columns of a part as they come out of it."""
    times = {n: T.TimestampNTZType() if k == "timestamp_ntz" else T.TimestampType() for n, k in part["nanos"].items()}
    void = set(part["void"])
    fields = []
    for field in T.StructType.fromJson(part["schema"]).fields:
        kind = T.NullType() if field.name in void else times.get(field.name, field.dataType)
        fields.append(T.StructField(field.name, kind))
    return fields


def _common(
    parts: Sequence[Mapping[str, Any]], listing: Listing, notes: list[str], like: Mapping[str, T.DataType]
) -> T.StructType:
    """Return the schema that all parts can be widened to; names count without their case, as Spark has it."""
    order: dict[str, str] = {}
    kinds: dict[str, T.DataType] = {}
    holders: dict[str, list[int]] = {}
    for place, part in enumerate(parts):
        for field in _read_as(part):
            name = field.name.casefold()
            order.setdefault(name, field.name)
            holders.setdefault(name, []).append(place)
            known = kinds.get(name, T.NullType())
            wide = widened(known, field.dataType)
            if wide is None:
                first = next(p for p in holders[name] if not isinstance(_kind_in(parts[p], name), T.NullType))
                raise InputError(
                    f"column {field.name!r} is {known.simpleString()} in {_first(parts[first], listing)}, but "
                    f"{field.dataType.simpleString()} in {_first(part, listing)}; write both with one type"
                )
            if known != field.dataType and not {type(known), type(field.dataType)} & {T.NullType}:
                notes.append(
                    f"column {field.name!r} is {known.simpleString()} in some files, in others "
                    f"{field.dataType.simpleString()}; it is read as {wide.simpleString()}"
                )
            kinds[name] = wide
    for name, places in holders.items():
        if len(places) < len(parts) and name not in listing.by_folder:
            lacking = [p for p in range(len(parts)) if p not in places]
            count = sum(len(parts[p]["files"]) for p in lacking)
            notes.append(
                f"column {order[name]!r} is missing in {count:,} of {len(listing.files):,} files, such as "
                f"{_first(parts[lacking[0]], listing)}; it is null in their rows"
            )
    void = {n: type_of_nulls(order[n], like) for n, k in kinds.items() if isinstance(k, T.NullType)}
    return T.StructType([T.StructField(order[n], void.get(n, k)) for n, k in kinds.items()])


def type_of_nulls(name: str, like: Mapping[str, T.DataType]) -> T.DataType:
    """Return the type of a column that has none, as all of its values are null: that of an earlier table, or double."""
    known = like.get(name)
    return known if isinstance(known, T.AtomicType) else T.DoubleType()


def _kind_in(part: Mapping[str, Any], name: str) -> T.DataType:
    return next((f.dataType for f in _read_as(part) if f.name.casefold() == name), T.NullType())


def _first(part: Mapping[str, Any], listing: Listing) -> str:
    return str(listing.paths[part["files"][0]])


def widened(a: T.DataType, b: T.DataType) -> T.DataType | None:
    """Return the narrowest type that holds the values of both, or None.

    A bigint becomes a double only where each of its values does so exactly: reading checks it.

    Examples
    --------
    >>> widened(T.IntegerType(), T.LongType()), widened(T.LongType(), T.FloatType())
    (LongType(), DoubleType())
    """
    if a == b or isinstance(b, T.NullType):
        return a
    if isinstance(a, T.NullType):
        return b
    floats = (T.FloatType, T.DoubleType)
    if isinstance(a, _WHOLE) and isinstance(b, _WHOLE):
        return max(a, b, key=lambda k: _WHOLE.index(type(k)))
    if isinstance(a, (*_WHOLE, *floats)) and isinstance(b, (*_WHOLE, *floats)):
        return T.DoubleType()
    if isinstance(a, T.DecimalType) and isinstance(b, T.DecimalType):
        scale = max(a.scale, b.scale)
        precision = max(a.precision - a.scale, b.precision - b.scale) + scale
        return T.DecimalType(precision, scale) if precision <= 38 else None
    # Nullability inside a type does not concern its values.
    return a if a.simpleString() == b.simpleString() and not isinstance(a, T.UserDefinedType) else None


def load_parts(
    spark: SparkSession, source: Source, listing: Listing, form: str, layout: Mapping[str, Any]
) -> DataFrame:
    """Return the table that the layout describes."""
    fields = T.StructType.fromJson(layout["schema"]).fields
    extra = listing.partitions_except(f.name for f in fields)
    folders = listing.by_folder
    both = [f for f in fields if f.name.casefold() in folders]
    tables = []
    for part in layout["parts"]:
        if part["nanos"]:
            spark.conf.set(_NANOS, "true")
        own = [f for f in T.StructType.fromJson(part["schema"]).fields if f.name.casefold() not in folders]
        paths = [listing.paths[i] for i in part["files"]] or listing.paths
        df = load_files(spark, source, form, paths, T.StructType([*own, *both, *extra]), listing.base)
        tables.append(df.select(*_projection(part, fields, folders), *[col(f.name) for f in extra]))
    return combined(DataFrame.unionByName, tables)


def _projection(part: Mapping[str, Any], fields: Sequence[T.StructField], folders: Collection[str]) -> list[Column]:
    """Return the columns of a part as the table has them; those from names of folders are already as they should be."""
    own = {f.name.casefold(): f for f in _read_as(part)}
    result = []
    for field in fields:
        if field.name.casefold() in folders:
            result.append(col(field.name))
            continue
        had = own.get(field.name.casefold())
        if had is None or isinstance(had.dataType, T.NullType):
            result.append(F.lit(None).cast(field.dataType).alias(field.name))
            continue
        value = col(had.name)
        if had.name in part["nanos"]:
            value = _micros(value, part["nanos"][had.name])
        value = _cast(value, had, field.dataType)
        # Spark's optimiser multiplies what it knows of a row by two for each column that has a second name.
        as_it_is = had.name == field.name and had.name not in part["nanos"] and not _is_cast(had, field.dataType)
        result.append(value if as_it_is else value.alias(field.name))
    return result


def _micros(nanos: Column, kind: str) -> Column:
    micros = F.call_function("div", nanos, F.lit(1000))
    if kind == "timestamp":
        return F.timestamp_micros(micros)
    # No time zone has a part in this.
    seconds = (micros.cast("decimal(20, 0)") / F.lit(1_000_000)).cast("decimal(18, 6)")
    zero = F.lit(0)
    return F.lit("1970-01-01").cast("timestamp_ntz") + F.make_dt_interval(zero, zero, zero, seconds)


def _is_cast(had: T.StructField, wanted: T.DataType) -> bool:
    return had.dataType != wanted and isinstance(wanted, T.NumericType)


def _cast(value: Column, had: T.StructField, wanted: T.DataType) -> Column:
    if not _is_cast(had, wanted):
        return value
    if isinstance(had.dataType, T.LongType) and isinstance(wanted, T.DoubleType):
        large = F.lit(
            f"column {had.name!r} has whole numbers beyond 2^53 where it is bigint, but is double in other files"
        )
        return F.when(F.abs(value) > _EXACT, F.raise_error(large).cast("double")).otherwise(value.cast("double"))
    return value.cast(wanted)

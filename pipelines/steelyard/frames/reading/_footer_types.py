"""Spark's types for the columns of Parquet and ORC files, from their footers."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from pyspark.sql import types as T
from pyspark.sql.pandas.types import from_arrow_type

from steelyard.errors import InputError
from steelyard.frames.reading._footers import Group, written_by_spark

_PLAIN: dict[str, T.DataType] = {
    "bool": T.BooleanType(), "int8": T.ByteType(), "int16": T.ShortType(), "int32": T.IntegerType(),
    "int64": T.LongType(), "float": T.FloatType(), "double": T.DoubleType(), "string": T.StringType(),
    "large_string": T.StringType(), "date32[day]": T.DateType(),
}  # fmt: skip


def schema_of(group: Group) -> T.StructType | None:
    """Return the schema that Spark reads from a footer; None where Spark must be asked, which is one job."""
    if group.spark is not None:
        return _read_type(group.spark)
    kinds = [_plain_type(field.type) for field in group.schema]
    if None in kinds:
        return None
    return T.StructType([T.StructField(f.name, k) for f, k in zip(group.schema, kinds, strict=True) if k is not None])


def written_schema(folder: str) -> T.StructType | None:
    """Return the schema of the Parquet files that one job of Spark wrote into a folder; None as for `schema_of`."""
    known = written_by_spark(folder)
    return None if known is None else _read_type(known)


def _read_type(written: str) -> T.StructType:
    """Return the schema that Spark reads from files whose footers hold this one."""
    return T.StructType.fromJson(_nullable(json.loads(written)))


def _nullable(kind: Any) -> Any:
    """Return a type in Spark's JSON form, of which every part may be null: as Spark reads all files."""
    if isinstance(kind, list):
        return [_nullable(k) for k in kind]
    if not isinstance(kind, dict):
        return kind
    nulls = dict.fromkeys({"nullable", "containsNull", "valueContainsNull"} & set(kind), True)
    return {**{k: v if k == "metadata" else _nullable(v) for k, v in kind.items()}, **nulls}


def _plain_type(kind: pa.DataType) -> T.DataType | None:
    """Return Spark's type of a column of a plain type; None of any other."""
    if pa.types.is_timestamp(kind) and kind.unit == "us" and kind.tz is not None:
        return T.TimestampType()  # without a zone, it depends on the session's settings
    return _PLAIN.get(str(kind))


def readable(schema: pa.Schema, file: str, why: str, notes: list[str]) -> T.StructType:
    """Return the columns that Spark has types for; the others are left out, with a note."""
    fields = []
    for field in schema:
        kind = _spark_type(field.type)
        if kind is None:
            notes.append(f"column {field.name!r} is left out: Spark has no type for {field.type} ({file})")
        else:
            fields.append(T.StructField(field.name, kind))
    if len(fields) == len(schema):  # it was not for a type
        raise InputError(f"cannot read {file}: {why}")
    return T.StructType(fields)


def _spark_type(kind: pa.DataType) -> T.DataType | None:
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return T.LongType()
    if pa.types.is_null(kind):
        return T.IntegerType()
    if pa.types.is_dictionary(kind):
        return _spark_type(kind.value_type)
    if pa.types.is_time(kind) or pa.types.is_float16(kind) or pa.types.is_decimal256(kind) or pa.types.is_nested(kind):
        return None
    try:
        return from_arrow_type(kind)
    except Exception:  # Spark has no such type
        return None

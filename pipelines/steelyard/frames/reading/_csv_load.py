"""A CSV table, its columns cast as its layout says."""

from __future__ import annotations

from collections.abc import Mapping
from operator import and_
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, combined
from steelyard.config import MISSING
from steelyard.frames.reading._csv_parser import text_schema, texts
from steelyard.frames.reading._dialect import C1, C1_TEXT, WINDOWS, Dialect
from steelyard.frames.reading._files import Listing
from steelyard.frames.reading._source import Source

_TYPES: dict[str, T.DataType] = {
    "text": T.StringType(), "long": T.LongType(), "double": T.DoubleType(), "comma": T.DoubleType(),
    "empty": T.DoubleType(), "boolean": T.BooleanType(), "date": T.DateType(), "timestamp": T.TimestampType(),
}  # fmt: skip


def load_csv(spark: SparkSession, source: Source, listing: Listing, layout: Mapping[str, Any]) -> DataFrame:
    """Return the table, its columns cast as the layout says."""
    dialect, names = Dialect(**layout["dialect"]), list(layout["names"])
    extra = [f for f in listing.partitions if f.name.lower() not in {n.lower() for n in names}]
    raw = texts(spark, source, listing, dialect, text_schema(names, extra))
    if layout["repeated_header"]:
        raw = raw.where(~combined(and_, [col(n).eqNullSafe(F.lit(n)) for n in names]))
    windows = dialect.encoding == WINDOWS
    typed = [
        _typed(col(n), kind, source, windows=windows).alias(n) for n, kind in zip(names, layout["kinds"], strict=True)
    ]
    return raw.select(*typed, *[col(f.name) for f in extra])


def _typed(value: Column, kind: Any, source: Source, *, windows: bool) -> Column:
    value = F.coalesce(F.translate(value, C1, C1_TEXT) if windows else value, F.lit(""))
    markers = [m.lower() for m in source.missing if m]
    trimmed = F.trim(value)
    marked = F.lower(trimmed).isin(markers) if markers else F.lit(False)
    if kind == "text":
        empty = (value == "") if "" in source.missing else F.lit(False)
        return F.when(~(empty | marked) if source.missing != MISSING else ~empty, value)
    known = F.when(~marked & (trimmed != ""), trimmed)
    if kind == "boolean":
        return F.lower(known) == "true"
    if kind == "comma":
        known = F.replace(known, F.lit(","), F.lit("."))
    if kind == "empty":
        return F.lit(None).cast("double")
    return known.try_cast(_TYPES[kind] if kind in _TYPES else _declared_type(kind))


def _declared_type(kind: Any) -> T.DataType:
    return T.StructField.fromJson({"name": "_", "type": kind, "nullable": True, "metadata": {}}).dataType

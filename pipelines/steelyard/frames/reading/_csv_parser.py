"""CSV tables as Spark's parser reads them: its options for a dialect, texts, and columns cast to their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import and_
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, combined, internal
from steelyard.config import MISSING
from steelyard.errors import InputError
from steelyard.frames.reading._dialect import C1, C1_TEXT, WINDOWS, Dialect
from steelyard.frames.reading._files import Listing, content_options, escaped
from steelyard.frames.reading._source import Source

BAD = internal("bad")
"""Column of a line with another number of values than the table has columns."""

_SHOWN = 60  # characters of a line in a message
_PLAIN = {
    "sep", "delimiter", "header", "inferschema", "enforceschema", "encoding", "charset", "multiline", "mode",
    "quote", "escape", "ignoreleadingwhitespace",
}  # fmt: skip

_TYPES: dict[str, T.DataType] = {
    "text": T.StringType(), "long": T.LongType(), "double": T.DoubleType(), "comma": T.DoubleType(),
    "empty": T.DoubleType(), "boolean": T.BooleanType(), "date": T.DateType(), "timestamp": T.TimestampType(),
}  # fmt: skip


def fields(width: int) -> list[str]:
    """Return names of columns by place."""
    return [f"_{i}" for i in range(width)]


def text_schema(names: Sequence[str], others: Sequence[T.StructField] = ()) -> T.StructType:
    """Return a schema of texts, and of other columns after them."""
    return T.StructType([*(T.StructField(n, T.StringType()) for n in names), *others])


def parse_options(source: Source, dialect: Dialect) -> dict[str, str]:
    """Return the options of Spark's parser: those of the dialect, and the user's for the rest."""
    own = {"inferschema", "delimiter", "charset", "enforceschema", *(n.lower() for n in dialect.options())}
    given = {k: v for k, v in content_options(source).items() if k.lower() not in own}
    # Which rows are malformed must not depend on which columns a query reads.
    pruned = {"columnPruning": "false"} if source.option("mode") else {}
    return {"columnNameOfCorruptRecord": BAD, **given, **pruned, **dialect.options()}


def is_plain(source: Source, dialect: Dialect) -> bool:
    """Whether lines without odd quotes mean the same to every parser: no option changes values, quotes are doubled."""
    quote = dialect.quote
    single = len(dialect.sep) == 1 and len(quote) <= 1 and (dialect.sep + quote).isascii()
    given = {name.lower() for name in content_options(source)}
    doubled = dialect.escape == quote or not quote
    return single and doubled and dialect.sep not in (quote, " ") and given <= _PLAIN


def texts(spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, schema: T.StructType) -> DataFrame:
    """Return the table as Spark reads it, for a schema of texts."""
    reader = spark.read.options(**parse_options(source, dialect)).schema(schema)
    if listing.base is not None:
        reader = reader.option("basePath", listing.base)
    return reader.csv([escaped(f) for f in listing.paths])


def ragged(
    spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, width: int, lines: int
) -> InputError:
    """Return an error of lines with another number of values than the header; it shows one of them."""
    raw = texts(spark, source, listing, dialect, text_schema([*fields(width), BAD]))
    bad = raw.select("_0", F.substring(BAD, 1, _SHOWN).alias("line")).where(F.col(BAD).isNotNull())
    example = bad.first()
    shown = f", such as {example['line']!r}" if example is not None else ""
    return InputError(
        f"{source.name}: {lines:,} lines do not have the header's {width} values{shown}; fix them, or leave them "
        "out with --option mode=DROPMALFORMED (in a pipeline, data.options)"
    )


def load_csv(spark: SparkSession, source: Source, listing: Listing, layout: Mapping[str, Any]) -> DataFrame:
    """Return the table, its columns cast as the layout says."""
    dialect, names = Dialect(**layout["dialect"]), list(layout["names"])
    extra = listing.partitions_except(names)
    folders = listing.by_folder
    # Spark leaves columns from names of folders out of the schema by which it counts values: the files' own stay in it.
    own = [internal(n) if n.casefold() in folders else n for n in names]
    windows = dialect.encoding == WINDOWS
    typed, both = [], []
    for name, kind in zip(names, layout["kinds"], strict=True):
        folder = folders.get(name.casefold())
        if folder is None:
            typed.append(_typed(col(name), kind, source, windows=windows).alias(name))
        else:
            typed.append(col(folder.name).alias(name))
            both.append(T.StructField(folder.name, folder.dataType if kind == "empty" else _type_of(kind)))
    raw = texts(spark, source, listing, dialect, text_schema(own, [*both, *extra]))
    if layout["repeated_header"]:
        raw = raw.where(~combined(and_, [col(o).eqNullSafe(F.lit(n)) for o, n in zip(own, names, strict=True)]))
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
    return known.try_cast(_type_of(kind))


def _type_of(kind: Any) -> T.DataType:
    if kind in _TYPES:
        return _TYPES[kind]
    return T.StructField.fromJson({"name": "_", "type": kind, "nullable": True, "metadata": {}}).dataType

"""Spark's CSV parser: its options for a dialect, and its texts by place, before they get types."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.errors import InputError
from steelyard.frames.reading._dialect import Dialect
from steelyard.frames.reading._files import Listing, content_options, escaped
from steelyard.frames.reading._source import Source

BAD = "_bad"
"""Column of a line with another number of values than the table has columns."""

_SHOWN = 60  # characters of a line in a message
_PLAIN = {
    "sep", "delimiter", "header", "inferschema", "enforceschema", "encoding", "charset", "multiline", "mode",
    "quote", "escape", "ignoreleadingwhitespace",
}  # fmt: skip


def fields(width: int) -> list[str]:
    """Return names of columns by place."""
    return [f"_{i}" for i in range(width)]


def text_schema(names: Sequence[str], others: Sequence[T.StructField] = ()) -> T.StructType:
    """Return a schema of texts, and of other columns after them."""
    return T.StructType([*(T.StructField(n, T.StringType()) for n in names), *others])


def parse_options(source: Source, dialect: Dialect) -> dict[str, str]:
    """Return the options of Spark's parser: what was detected, and what the user gave for the rest."""
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

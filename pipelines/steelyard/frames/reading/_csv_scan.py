"""One scan of CSV files: counts of flags of lines, and per column, of forms of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames._csv_task import COUNTS, NOT_ASCII
from steelyard.frames.reading._csv_lines import refuse_other_headers, rows_of
from steelyard.frames.reading._csv_parser import BAD, fields, is_plain, parse_options, ragged, text_schema, texts
from steelyard.frames.reading._dialect import WINDOWS, Dialect
from steelyard.frames.reading._files import Listing
from steelyard.frames.reading._kinds import Forms, Seen
from steelyard.frames.reading._source import Source
from steelyard.frames.workers import in_worker

_TASK = "steelyard.frames._csv_task"
_ODD, _FOREIGN, _HEADER, _RAGGED, _BACKSLASH, _BROKEN = "ouHbxy"


@dataclass(frozen=True)
class Scan:
    """How many lines have a flag, and per column the forms of its values."""

    flags: Mapping[str, int]
    columns: Sequence[Forms]

    @property
    def headers(self) -> int:
        """Number of lines that equal the header."""
        return self.flags.get(_HEADER, 0)


def scanned(
    spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, head: Sequence[bytes], width: int
) -> tuple[Dialect, Scan, list[str]]:
    """Scan the lines, and again the values where these are not lines.

    Return how the files are written once all lines have been seen, the counts, and notes. Refuse files with different
    headers or several encodings, and lines with another number of values.
    """
    notes: list[str] = []
    scan = None
    if not dialect.encoding.startswith("UTF-16"):
        scan = _collected(_lines(spark, source, listing, dialect, head, width), source, width)
        if dialect.header and scan.headers < len(listing.files):
            refuse_other_headers(spark, source, listing, head)
        found = _settled(dialect, scan.flags, source)
        if found.encoding != dialect.encoding:
            notes.append(f"{scan.flags[_FOREIGN]:,} lines of {source.name} are not UTF-8; they are read as {WINDOWS}")
        again = found.multi_line or found.escape != dialect.escape
        dialect, scan = found, None if again else scan
    if scan is None:
        scan = _collected(_records(spark, source, listing, dialect, width), source, width)
    if scan.flags.get(_RAGGED) and source.option("mode") is None:
        raise ragged(spark, source, listing, dialect, width, scan.flags[_RAGGED])
    return dialect, scan, notes


def _settled(dialect: Dialect, flags: Mapping[str, int], source: Source) -> Dialect:
    """Return the dialect once all lines have been seen."""
    backslash = flags.get(_BACKSLASH, 0) and not flags.get(_BROKEN) and source.option("escape") is None
    if backslash:
        dialect = replace(dialect, escape="\\")
    odd = flags.get(_BROKEN if backslash else _ODD, 0)
    if odd and source.option("multiLine") is None:
        dialect = replace(dialect, multi_line=True)
    if flags.get(_FOREIGN) and source.option("encoding", "charset") is None:
        if flags.get(NOT_ASCII):
            raise InputError(
                f"{source.name} mixes encodings: {flags[_FOREIGN]:,} lines are not UTF-8, {flags[NOT_ASCII]:,} "
                "with special characters are; choose one with --option encoding=UTF-8 or ISO-8859-1 (in a pipeline, "
                "data.options)"
            )
        dialect = replace(dialect, encoding=WINDOWS)
    return dialect


def _lines(
    spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, head: Sequence[bytes], width: int
) -> DataFrame:
    """Return counts of plain lines, and all other lines, parsed as if no value had a line break."""
    lines = rows_of(spark, source, listing.paths).select("value")
    header = head[0] if dialect.header else None
    if is_plain(source, dialect):
        layout = {"sep": dialect.sep, "quote": dialect.quote, "skip_space": dialect.skip_space}
        task = in_worker(_TASK, "count_lines", width=width, missing=source.missing, header=header, **layout)
        found = lines.mapInArrow(task, f"{COUNTS}, line string")
    else:
        found = lines.select(*_no_counts(), F.col("value").alias("line"))
    ddl = ", ".join(f"{n} string" for n in (*fields(width), BAD))
    options = {k: v for k, v in parse_options(source, dialect).items() if k.lower() not in ("header", "mode")}
    line = F.col("line")
    parsed = found.select(
        *_names(),
        _flags(line, dialect.quote).alias("flags"),
        (line.cast("binary") == F.lit(header) if header is not None else F.lit(False)).alias("header"),
        F.from_csv(line, ddl, options).alias("r"),
    )
    bad = F.when(F.col("header"), F.lit(_HEADER)).when(F.col(f"r.{BAD}").isNotNull(), F.lit(_RAGGED))
    values = F.when(~F.col("header"), F.array(*[F.col(f"r.{n}") for n in fields(width)]))
    return parsed.select(*_names(), F.concat("flags", bad.otherwise(F.lit(""))).alias("flags"), values.alias("values"))


def _names() -> list[str]:
    return [column.split()[0] for column in COUNTS.split(", ")]


def _no_counts() -> list[Column]:
    return [F.lit(None).cast(kind).alias(name) for name, kind in (column.split() for column in COUNTS.split(", "))]


def _flags(value: Column, quote: str) -> Column:
    quotes = _occurrences(value, quote) if quote else F.lit(0)
    escaped = _occurrences(value, "\\" + quote) if quote else F.lit(0)
    flags = {
        _ODD: quotes % 2 == 1,
        _BACKSLASH: escaped > 0,
        _BROKEN: (quotes - escaped) % 2 == 1,
        _FOREIGN: ~F.is_valid_utf8(value),
        NOT_ASCII: F.is_valid_utf8(value) & (F.length(value) != F.octet_length(value)),
    }
    return F.concat(*[F.when(condition, F.lit(flag)).otherwise(F.lit("")) for flag, condition in flags.items()])


def _occurrences(value: Column, what: str) -> Column:
    return (F.length(value) - F.length(F.replace(value, F.lit(what)))) / len(what)


def _records(spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, width: int) -> DataFrame:
    """Return the records as Spark's reader finds them; a record may have several lines."""
    raw = texts(spark, source, listing, dialect, text_schema([*fields(width), BAD]))
    bad = F.when(F.col(BAD).isNotNull(), F.lit(_RAGGED)).otherwise(F.lit(""))
    return raw.select(*_no_counts(), bad.alias("flags"), F.array(*map(F.col, fields(width))).alias("values"))


def _collected(rows: DataFrame, source: Source, width: int) -> Scan:
    """Count the values that are not counted yet, and merge: one shuffle of a few rows per column."""
    counts = rows.mapInArrow(in_worker(_TASK, "count_values", width=width, missing=source.missing), COUNTS)
    figures = F.sum("rows").alias("rows"), F.min("example").alias("example"), F.max("largest").alias("largest")
    merged = counts.groupBy("place", "form").agg(*figures)
    flags: dict[str, int] = {}
    columns: list[dict[str, Seen]] = [{} for _ in range(width)]
    for row in sorted(merged.collect(), key=lambda r: (r["place"], r["form"])):
        if row["place"] == 0:
            for flag in row["form"]:
                flags[flag] = flags.get(flag, 0) + row["rows"]
        else:
            columns[row["place"] - 1][row["form"]] = Seen(row["rows"], row["example"], row["largest"])
    return Scan(flags, columns)

"""CSV: one scan of the lines says how a file is written and what its columns are; then each column is cast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col
from steelyard.config import MISSING
from steelyard.errors import InputError
from steelyard.frames.reading._dialect import (
    C1,
    C1_TEXT,
    WINDOWS,
    Dialect,
    decoded,
    foreign,
    header_names,
    sniffed,
)
from steelyard.frames.reading._files import Listing, content_options, escaped, plain
from steelyard.frames.reading._forms import form_of
from steelyard.frames.reading._kinds import Forms, Seen, column_notes, kind_of_column
from steelyard.frames.reading._source import Source, ending

_HEAD = 50
_WIDEST = 100_000  # bytes of a line that the head holds
_SHOWN = 60  # characters of a value in a message
_LINE, _ODD, _FOREIGN, _UTF8, _HEADER, _BAD, _BACKSLASH, _BROKEN = "lousHbxy"
_TYPES: dict[str, T.DataType] = {
    "text": T.StringType(), "long": T.LongType(), "double": T.DoubleType(), "comma": T.DoubleType(),
    "empty": T.DoubleType(), "boolean": T.BooleanType(), "date": T.DateType(), "timestamp": T.TimestampType(),
}  # fmt: skip
_DECLARED: tuple[tuple[type[T.DataType], set[str]], ...] = (
    (T.IntegralType, {"int", "long", "code"}),
    (T.NumericType, {"int", "long", "big", "number", "code"}),
    (T.BooleanType, {"boolean"}),
    (T.DateType, {"date"}),
    (T.DatetimeType, {"date", "timestamp"}),
)


@dataclass(frozen=True)
class _Scan:
    """What the scan found: how many lines have a flag, and per column the forms of its values."""

    flags: Mapping[str, int]
    columns: Sequence[Forms]


def detect_csv(
    spark: SparkSession, source: Source, listing: Listing, like: Mapping[str, T.DataType]
) -> tuple[dict[str, Any], list[str]]:
    """Return the layout of CSV files, as JSON types, and notes. Costs one scan, a second one of unusual files.

    Parameters
    ----------
    spark : SparkSession
    source : Source
    listing : Listing
    like : mapping of str to DataType
        Types of columns in a table that this one must fit: where that has text, this one does.

    Raises
    ------
    InputError
        If a file is no text or has another header; if lines have another number of values than the header; if values
        do not have the type that a schema declares.
    """
    first = listing.paths[0]
    head = _head(spark, source, first)
    _check_text(first, head)
    dialect = sniffed(head, source.options, tabs=ending(first) == "tsv")
    declared = _declared(spark, source)
    names = _names(head, dialect, first, declared)
    dialect, scan, notes = _scanned(spark, source, listing, dialect, head, len(names))
    if dialect.encoding == WINDOWS:
        names = _names(head, dialect, first, declared)
    repeated = dialect.header and scan.flags.get(_HEADER, 0) > len(listing.files)
    kinds: list[Any] = []
    explicit = source.missing != MISSING
    for name, forms in zip(names, scan.columns, strict=True):
        if name in declared:
            _check_declared(name, declared[name], forms, source)
            kinds.append(declared[name].jsonValue() if not isinstance(declared[name], T.StringType) else "text")
            continue
        kind = kind_of_column(forms)
        wanted = like.get(name)
        if isinstance(wanted, T.StringType):
            kind = "text"
        elif kind == "text" and isinstance(wanted, T.NumericType):
            raise InputError(f"column {name!r} of {source.name} must hold numbers, but has {_odd_value(forms)!r}")
        kinds.append(kind)
        notes += [] if wanted is not None else column_notes(name, kind, forms, source.missing, explicit=explicit)
    if repeated:
        notes.append(f"{scan.flags[_HEADER] - len(listing.files):,} lines repeat the header and are left out")
    if dialect.words():
        notes.insert(0, f"{source.name}: {dialect.words()}")
    if dialect.header and all(form_is_number(name) for name in names):
        how = "--option header=false (in a pipeline, data.options)"
        notes.append(f"the first line, {names[0]!r}, …, looks like values: {how} reads it as a row")
    return {"dialect": dialect.to_json(), "names": names, "kinds": kinds, "repeated_header": repeated}, notes


def form_is_number(name: str) -> bool:
    """Whether a column's name is a number."""
    try:
        float(name)
    except ValueError:
        return False
    return True


def _names(head: Sequence[bytes], dialect: Dialect, file: str, declared: Mapping[str, T.DataType]) -> list[str]:
    found = header_names(decoded(head, dialect), dialect, file)
    if not declared:
        return found
    same = [n.casefold() for n in found] == [n.casefold() for n in declared]
    if len(found) != len(declared) or (dialect.header and not same):
        raise InputError(
            f"{file}: data.schema names the columns {', '.join(declared)}, but the header has {', '.join(found)}"
        )
    return list(declared)


def _declared(spark: SparkSession, source: Source) -> dict[str, T.DataType]:
    if source.schema is None:
        return {}
    return {f.name: f.dataType for f in spark.createDataFrame([], source.schema).schema.fields}


def _check_declared(name: str, kind: T.DataType, forms: Forms, source: Source) -> None:
    allowed = next((of for base, of in _DECLARED if isinstance(kind, base)), None)
    for form, seen in forms.items():
        if allowed is not None and form != "missing" and not form.startswith("marker:") and form not in allowed:
            raise InputError(
                f"column {name!r} of {source.name} is declared {kind.simpleString()}, but {seen.count:,} rows have "
                f"other values, such as {seen.example!r}"
            )


def _odd_value(forms: Forms) -> str | None:
    odd = [seen.example for form, seen in forms.items() if form in ("text", "code", "date", "timestamp", "boolean")]
    return next(iter(odd), next((seen.example for seen in forms.values() if seen.example), None))


def _head(spark: SparkSession, source: Source, file: str) -> list[bytes]:
    lines = _lines(spark, source, [file]).select(F.substring(F.col("value").cast("binary"), 1, _WIDEST).alias("value"))
    rows = [bytes(row["value"]) for row in lines.limit(_HEAD).collect()]
    comment = (source.option("comment") or "").encode()
    return [row.rstrip(b"\r") for row in rows if row.strip() and not (comment and row.startswith(comment))]


def _lines(spark: SparkSession, source: Source, files: Sequence[str]) -> DataFrame:
    separator = source.option("lineSep")
    options = {} if separator is None else {"lineSep": separator}
    return spark.read.options(**options).text([escaped(f) for f in files])


def _check_text(file: str, head: Sequence[bytes]) -> None:
    what = foreign(head)
    if what is not None:
        raise InputError(f"cannot read {file}: it is {what}, not CSV")


def _scanned(
    spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, head: Sequence[bytes], width: int
) -> tuple[Dialect, _Scan, list[str]]:
    """Scan the lines; scan the values again where these are not lines."""
    given = {k.lower() for k in source.options}
    notes: list[str] = []
    scan = None
    if not dialect.encoding.startswith("UTF-16"):
        scan = _counts(_values_of_lines(spark, source, listing, dialect, head, width), source, width)
        if dialect.header and scan.flags.get(_HEADER, 0) < len(listing.files):
            _refuse_headers(spark, source, listing, head)
        found = _settled(dialect, scan.flags, given, source)
        if found.encoding != dialect.encoding:
            notes.append(f"{scan.flags[_FOREIGN]:,} lines of {source.name} are not UTF-8; they are read as {WINDOWS}")
        again = found.multi_line or found.escape != dialect.escape
        dialect, scan = found, None if again else scan
    if scan is None:
        scan = _counts(_values_of_reader(spark, source, listing, dialect, width), source, width)
    if scan.flags.get(_BAD) and "mode" not in given:
        raise InputError(_ragged(spark, source, listing, dialect, width, scan.flags[_BAD]))
    return dialect, scan, notes


def _settled(dialect: Dialect, flags: Mapping[str, int], given: set[str], source: Source) -> Dialect:
    """Return the dialect once all lines have been seen."""
    backslash = flags.get(_BACKSLASH, 0) and not flags.get(_BROKEN) and "escape" not in given
    if backslash:
        dialect = replace(dialect, escape="\\")
    odd = flags.get(_BROKEN if backslash else _ODD, 0)
    if odd and "multiline" not in given:
        dialect = replace(dialect, multi_line=True)
    if flags.get(_FOREIGN) and not given & {"encoding", "charset"}:
        if flags.get(_UTF8):
            raise InputError(
                f"{source.name} mixes encodings: {flags[_FOREIGN]:,} lines are not UTF-8, {flags[_UTF8]:,} "
                "with special characters are; choose one with --option encoding=UTF-8 or ISO-8859-1 (in a pipeline, "
                "data.options)"
            )
        dialect = replace(dialect, encoding=WINDOWS)
    return dialect


def _fields(width: int) -> list[str]:
    return [f"_{i}" for i in range(width)]


def _schema(width: int) -> T.StructType:
    return T.StructType([T.StructField(n, T.StringType()) for n in (*_fields(width), "_bad")])


def _parse_options(source: Source, dialect: Dialect) -> dict[str, str]:
    own = {"inferschema", "delimiter", "charset", "enforceschema", *(n.lower() for n in dialect.options())}
    given = {k: v for k, v in content_options(source).items() if k.lower() not in own}
    # Which rows are malformed must not depend on which columns a query reads.
    pruned = {"columnPruning": "false"} if source.option("mode") else {}
    return {"columnNameOfCorruptRecord": "_bad", **given, **pruned, **dialect.options()}


def _values_of_lines(
    spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, head: Sequence[bytes], width: int
) -> DataFrame:
    """Return per line its flags and its values, parsed as if no value had a line break."""
    value = F.col("value")
    lines = _lines(spark, source, listing.paths).where(F.trim(value) != "")
    comment = source.option("comment")
    if comment:
        lines = lines.where(~F.startswith(value, F.lit(comment)))
    quote = dialect.quote
    quotes = _occurrences(value, quote) if quote else F.lit(0)
    escaped_quotes = _occurrences(value, "\\" + quote) if quote else F.lit(0)
    flags = {
        _ODD: quotes % 2 == 1,
        _BACKSLASH: escaped_quotes > 0,
        _BROKEN: (quotes - escaped_quotes) % 2 == 1,
        _FOREIGN: ~F.is_valid_utf8(value),
        _UTF8: F.is_valid_utf8(value) & (F.length(value) != F.octet_length(value)),
    }
    options = {k: v for k, v in _parse_options(source, dialect).items() if k.lower() not in ("header", "mode")}
    ddl = ", ".join(f"{n} string" for n in (*_fields(width), "_bad"))
    parsed = lines.select(
        "value",
        _flags(flags).alias("flags"),
        _is_header(value, head, header=dialect.header).alias("header"),
        F.from_csv(value, ddl, options).alias("r"),
    )
    bad = F.when(F.col("header"), F.lit(_HEADER)).when(F.col("r._bad").isNotNull(), F.lit(_BAD)).otherwise(F.lit(""))
    values = F.when(~F.col("header"), F.array(*[F.col(f"r.{n}") for n in _fields(width)]))
    return parsed.select(F.concat("flags", bad).alias("flags"), values.alias("values"))


def _is_header(value: Column, head: Sequence[bytes], *, header: bool) -> Column:
    return value.cast("binary") == F.lit(head[0]) if header else F.lit(False)


def _occurrences(value: Column, what: str) -> Column:
    return (F.length(value) - F.length(F.replace(value, F.lit(what)))) / len(what)


def _flags(flags: Mapping[str, Column]) -> Column:
    return F.concat(*[F.when(condition, F.lit(flag)).otherwise(F.lit("")) for flag, condition in flags.items()])


def _values_of_reader(spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, width: int) -> DataFrame:
    raw = _raw(spark, source, listing, dialect, _schema(width))
    bad = F.when(F.col("_bad").isNotNull(), F.lit(_BAD)).otherwise(F.lit(""))
    return raw.select(bad.alias("flags"), F.array(*map(F.col, _fields(width))).alias("values"))


def _raw(spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, schema: T.StructType) -> DataFrame:
    reader = spark.read.options(**_parse_options(source, dialect)).schema(schema)
    if listing.base is not None:
        reader = reader.option("basePath", listing.base)
    return reader.csv([escaped(f) for f in listing.paths])


def _counts(rows: DataFrame, source: Source, width: int) -> _Scan:
    """Count the flags of lines and the forms of values: one scan, one shuffle of a few rows per column."""
    # The flags go along as the first value of each row.
    all_values = F.concat(F.array("flags"), F.coalesce("values", F.array().cast("array<string>")))
    pairs = rows.select(F.posexplode(all_values).alias("place", "value"))
    place, value = F.col("place"), F.col("value")
    form = F.when(place == 0, value).otherwise(form_of(value, source.missing))
    seen = pairs.groupBy(place, form.alias("form")).agg(
        F.count(F.lit(1)).alias("rows"), F.min(F.substring(value, 1, _SHOWN)).alias("example")
    )
    flags: dict[str, int] = {}
    columns: list[dict[str, Seen]] = [{} for _ in range(width)]
    for row in sorted(seen.collect(), key=lambda r: (r["place"], r["form"])):
        if row["place"] == 0:
            for flag in row["form"]:
                flags[flag] = flags.get(flag, 0) + row["rows"]
        else:
            columns[row["place"] - 1][row["form"]] = Seen(row["rows"], row["example"])
    return _Scan(flags, columns)


def _refuse_headers(spark: SparkSession, source: Source, listing: Listing, head: Sequence[bytes]) -> None:
    """Name a file that does not begin with the first file's header."""
    own = F.max(F.col("value").cast("binary") == F.lit(head[0])).alias("own")
    lines = _lines(spark, source, listing.paths)
    found = lines.groupBy(F.col("_metadata.file_path").alias("file")).agg(own).where("not own").orderBy("file").first()
    if found is None:
        return
    file = plain(found["file"])
    other = _head(spark, source, file)
    _check_text(file, other)
    raise InputError(
        f"the header of {file} is {_shown(other)}, that of {listing.paths[0]} is {_shown(head)}; "
        "files of one table need the same header"
    )


def _shown(head: Sequence[bytes]) -> str:
    return repr(head[0][: 2 * _SHOWN].decode("utf-8", "replace")) if head else "empty"


def _ragged(spark: SparkSession, source: Source, listing: Listing, dialect: Dialect, width: int, lines: int) -> str:
    raw = _raw(spark, source, listing, dialect, _schema(width))
    bad = raw.select("_0", F.substring("_bad", 1, _SHOWN).alias("line")).where(F.col("_bad").isNotNull())
    example = bad.first()
    shown = f", such as {example['line']!r}" if example is not None else ""
    return (
        f"{source.name}: {lines:,} lines do not have the header's {width} values{shown}; mend them, or leave them "
        "out with --option mode=DROPMALFORMED (in a pipeline, data.options)"
    )


def load_csv(spark: SparkSession, source: Source, listing: Listing, layout: Mapping[str, Any]) -> DataFrame:
    """Return the table, its columns cast as the layout says."""
    dialect, names = Dialect(**layout["dialect"]), list(layout["names"])
    fields = [T.StructField(n, T.StringType()) for n in names]
    extra = [f for f in listing.partitions if f.name.lower() not in {n.lower() for n in names}]
    raw = _raw(spark, source, listing, dialect, T.StructType([*fields, *extra]))
    if layout["repeated_header"]:
        raw = raw.where(~reduce(lambda a, b: a & b, (col(n).eqNullSafe(F.lit(n)) for n in names)))
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

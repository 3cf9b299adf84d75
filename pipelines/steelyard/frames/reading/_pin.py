"""A pinned table: later reads use the same files in the same way, and detect changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col
from steelyard.config import FILE_FORMATS
from steelyard.errors import InputError, closest, damaged_file, reason
from steelyard.frames.reading._csv_layout import detect_csv
from steelyard.frames.reading._csv_parser import load_csv
from steelyard.frames.reading._files import Listing, list_files, load_files, unread_files
from steelyard.frames.reading._parts import detect_parts, load_parts, type_of_nulls
from steelyard.frames.reading._source import Source, format_of

_IN_PARTS = ("parquet", "orc")
_NO_FORMAT = "[DATA_SOURCE_NOT_FOUND]"


@dataclass(frozen=True)
class Pin:
    """The files and the schema of a source at its first read.

    Parameters
    ----------
    schema : dict
        Spark's JSON form.
    time_zone : str
        The session's time zone, which decides how text becomes a time.
    files : list of [path, size, modification time in ms]
    format : str
    layout : dict
        How the files are read, as detected in their content.
    base : str, optional
        The folder that partition columns are relative to.
    partitions : dict
        These columns, in Spark's JSON form.
    """

    schema: dict[str, Any]
    time_zone: str
    files: list[list[Any]]
    format: str = "parquet"
    layout: dict[str, Any] = field(default_factory=dict)
    base: str | None = None
    partitions: dict[str, Any] = field(default_factory=lambda: T.StructType([]).jsonValue())

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Pin:
        """Rebuild what `to_json` gave."""
        return cls(**document)


@dataclass(frozen=True)
class Reading:
    """A table, and notes on how it was read.

    Parameters
    ----------
    df : DataFrame
    notes : list of str
    pin : Pin, optional
        None for a source without files.
    """

    df: DataFrame
    notes: list[str]
    pin: Pin | None


def read(spark: SparkSession, source: Source, like: Mapping[str, T.DataType] | None = None) -> Reading:
    """Read a source as it is now.

    Costs a listing of the files, for Parquet and ORC their footers, for CSV one scan of the lines.

    Parameters
    ----------
    spark : SparkSession
    source : Source
    like : mapping of str to DataType, optional
        Types of columns in an earlier table: a CSV column that was text there is text here, one of numbers must be;
        a column without a type, all null, gets that type.

    Raises
    ------
    InputError
        If there is no file, or if one cannot be read; the message names it.
    """
    try:
        if not source.has_files:
            return Reading(_filtered(_without_files(spark, source), source, like), [], None)
        listing = list_files(spark, source, like)
        notes = _check_files(spark, source, listing)
        form = format_of(source, listing.paths)
        layout, detected = _detect(spark, source, listing, form, like or {})
        df = _load(spark, source, listing, form, layout)
        partitions = T.StructType(listing.partitions).jsonValue()
        pin = Pin(df.schema.jsonValue(), _time_zone(spark), listing.files, form, layout, listing.base, partitions)
        return Reading(_filtered(df, source, like), [*notes, *detected, *_folder_notes(source, listing, layout)], pin)
    except (PySparkException, Py4JError) as error:
        if _NO_FORMAT in str(error):
            raise InputError(_unknown_format(source)) from None
        raise InputError(damaged_file(error) or f"cannot read {source.name}: {reason(error)}") from None


def _unknown_format(source: Source) -> str:
    return (
        f"there is no format {source.format!r}.{closest(str(source.format), FILE_FORMATS)} Spark itself has "
        f"{', '.join(sorted(FILE_FORMATS))}; any other needs its package in the session (spark.jars.packages)"
    )


def read_pinned(spark: SparkSession, source: Source, pin: Pin) -> DataFrame:
    """Return the table as it was when it was pinned: files that came later are not seen.

    Raises
    ------
    InputError
        If a pinned file has changed or is gone, or the session's time zone differs.
    """
    check_time_zone(spark, pin)
    check_unchanged(spark, source, pin)
    listing = Listing(pin.files, T.StructType.fromJson(pin.partitions).fields, pin.base)
    return _filtered(_load(spark, source, listing, pin.format, pin.layout), source)


def check_time_zone(spark: SparkSession, pin: Pin) -> None:
    """Raise `InputError` if the session's time zone is not the one that the input was pinned under."""
    if _time_zone(spark) != pin.time_zone:
        raise InputError(
            f"the input was pinned under time zone {pin.time_zone}, but this session's is {_time_zone(spark)}; "
            f"set spark.sql.session.timeZone={pin.time_zone}"
        )


def check_unchanged(spark: SparkSession, source: Source, pin: Pin) -> None:
    """Raise `InputError` if a pinned file has changed or is gone. Reads no content."""
    try:
        present = {f[0]: f for f in list_files(spark, source).files}
    except InputError:
        present = {}
    gone = [f[0] for f in pin.files if f[0] not in present]
    changed = [f[0] for f in pin.files if f[0] in present and present[f[0]] != f]
    for what, files in (("is gone", gone), ("has changed", changed)):
        if files:
            more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
            raise InputError(
                f"pinned input file {files[0]}{more} {what} since the profile; run the pipeline again from profile"
            )


def _without_files(spark: SparkSession, source: Source) -> DataFrame:
    if source.table is not None:
        return spark.read.table(source.table)
    reader = spark.read.format(source.format or "parquet").options(**source.options)
    reader = reader if source.schema is None else reader.schema(source.schema)
    return reader.load(list(source.paths)) if source.paths else reader.load()


def _check_files(spark: SparkSession, source: Source, listing: Listing) -> list[str]:
    """Return a note on files that are not read. Refuse a table without data, and empty Parquet and ORC files."""
    unread = unread_files(spark, source, listing)
    folders = set(map(_folder, listing.paths))
    torn = [f for f in unread if f.endswith((".parquet", ".orc")) and _folder(f) in folders]
    if torn:
        raise InputError(f"cannot read {torn[0]}: it is empty")
    if not listing.files:
        hint = f"; {unread[0]} is empty, or in a folder below" if unread else ""
        raise InputError(
            f"{source.name} holds no file with data{hint}. Names that begin with _ or . are skipped; "
            "--option recursiveFileLookup=true (in a pipeline, data.options) reads all folders below"
        )
    other = [f for f in unread if _folder(f) not in folders]
    if not other:
        return []
    return [
        f"{len(other):,} files below {source.name} are not read, such as {other[0]}: their folder is not a partition "
        "(key=value) of the table; --option recursiveFileLookup=true (in a pipeline, data.options) reads all of them"
    ]


def _folder(file: str) -> str:
    return file.rpartition("/")[0]


def _detect(
    spark: SparkSession, source: Source, listing: Listing, form: str, like: Mapping[str, T.DataType]
) -> tuple[dict[str, Any], list[str]]:
    if form == "csv":
        return detect_csv(spark, source, listing, like)
    if form in _IN_PARTS:
        return detect_parts(spark, source, listing, form, like)
    df = load_files(spark, source, form, listing.paths, source.schema)
    corrupt = source.option("columnNameOfCorruptRecord") or str(spark.conf.get("spark.sql.columnNameOfCorruptRecord"))
    if source.schema is None and corrupt in df.columns:
        raise InputError(_malformed(df, source, form, corrupt))
    return {"schema": df.schema.jsonValue()}, []


def _folder_notes(source: Source, listing: Listing, layout: Mapping[str, Any]) -> list[str]:
    names = layout.get("names")  # of CSV, which agree with the header where they are declared
    own = names or T.StructType.fromJson(layout["schema"]).names
    return listing.notes(own, declared=source.schema is not None and not names)


def _malformed(df: DataFrame, source: Source, form: str, corrupt: str) -> str:
    """Name a file with records that are not in its format."""
    others = [c for c in df.columns if c != corrupt]
    if not others:
        how = "--option multiLine=true (in a pipeline, data.options)"
        return f"cannot read {source.name}: no line is {form.upper()}; a document of many lines needs {how}"
    place = df.select(col(others[0]), col(corrupt).alias("bad"), F.col("_metadata.file_path").alias("file"))
    row = place.where(F.col("bad").isNotNull()).first()
    if row is None:
        return f"{source.name} has a column {corrupt!r}, where Spark puts lines that are not {form.upper()}; rename it"
    return (
        f"cannot read {row['file']}: not {form.upper()}: {row['bad'][:60]!r}; fix it, or leave such lines out with "
        "--option mode=DROPMALFORMED (in a pipeline, data.options)"
    )


def _load(spark: SparkSession, source: Source, listing: Listing, form: str, layout: Mapping[str, Any]) -> DataFrame:
    if form == "csv":
        return load_csv(spark, source, listing, layout)
    if form in _IN_PARTS:
        return load_parts(spark, source, listing, form, layout)
    own = T.StructType.fromJson(layout["schema"]).fields
    schema = T.StructType([*own, *listing.partitions_except(f.name for f in own)])
    return load_files(spark, source, form, listing.paths, schema, listing.base)


def _filtered(df: DataFrame, source: Source, like: Mapping[str, T.DataType] | None = None) -> DataFrame:
    """Return the rows that the source wants; a column without a type, all null, gets one."""
    names = [f.name for f in df.schema.fields if isinstance(f.dataType, T.NullType)]
    void = {name: col(name).cast(type_of_nulls(name, like or {})) for name in names}
    rows = df.withColumns(void) if void else df
    return rows.where(source.where) if source.where else rows


def _time_zone(spark: SparkSession) -> str:
    return str(spark.conf.get("spark.sql.session.timeZone"))

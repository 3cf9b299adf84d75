"""Pinned input: later reads see the files that the first one saw, and notice when one has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.errors import InputError, reason

_SHOWN = 3


@dataclass(frozen=True)
class Source:
    """Where a table is and how Spark reads it; `options` hold no placeholders any more.

    Parameters
    ----------
    format : str
    paths : tuple of str
        Files, folders, globs or URIs; empty for a table or a source without files.
    table : str, optional
    options : mapping of str to str
    schema : str, optional
        DDL; without it Spark infers.
    where : str, optional
        SQL condition on the rows.
    """

    format: str = "parquet"
    paths: tuple[str, ...] = ()
    table: str | None = None
    options: Mapping[str, str] | None = None
    schema: str | None = None
    where: str | None = None


@dataclass(frozen=True)
class Pin:
    """What a source consisted of when it was first read.

    Parameters
    ----------
    schema : dict
        Spark's JSON form.
    time_zone : str
        The session's time zone, which decides how text becomes a time.
    files : list of [path, size, modification time in ms]
    """

    schema: dict[str, Any]
    time_zone: str
    files: list[list[Any]]

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Pin:
        """Rebuild what `to_json` gave."""
        return cls(**document)


def read(spark: SparkSession, source: Source) -> DataFrame:
    """Return a source's table as it is now.

    Raises
    ------
    InputError
        If Spark can't find or read it.
    """
    try:
        return _filtered(_load(spark, source, source.paths, source.schema), source)
    except (PySparkException, Py4JError) as error:
        raise InputError(f"cannot read {_name(source)}: {reason(error)}") from None


def pin(df: DataFrame, source: Source) -> Pin:
    """Record a source's schema, time zone and list of files. Reads no content.

    Raises
    ------
    InputError
        If there is no file.
    """
    files = _listing(df.sparkSession, source.paths)
    if not files:
        raise InputError(f"{_name(source)} holds no file")
    unfiltered = _load(df.sparkSession, source, source.paths, source.schema)
    return Pin(unfiltered.schema.jsonValue(), _time_zone(df.sparkSession), files)


def read_pinned(spark: SparkSession, source: Source, pinned: Pin) -> DataFrame:
    """Return the table as it was when it was pinned: files that came later are not seen.

    Raises
    ------
    InputError
        If a pinned file has changed or is gone, or the session's time zone differs.
    """
    if _time_zone(spark) != pinned.time_zone:
        raise InputError(
            f"the input was pinned under time zone {pinned.time_zone}, but this session's is {_time_zone(spark)}; "
            f"set spark.sql.session.timeZone={pinned.time_zone}"
        )
    check_unchanged(spark, source, pinned)
    schema = T.StructType.fromJson(pinned.schema)
    return _filtered(_load(spark, source, [f[0] for f in pinned.files], schema), source)


def check_unchanged(spark: SparkSession, source: Source, pinned: Pin) -> None:
    """Raise `InputError` if a pinned file has changed or is gone. Reads no content."""
    try:
        present = {f[0]: f for f in _listing(spark, source.paths)}
    except InputError:
        present = {}
    gone = [f[0] for f in pinned.files if f[0] not in present]
    changed = [f[0] for f in pinned.files if f[0] in present and present[f[0]] != f]
    for what, files in (("is gone", gone), ("has changed", changed)):
        if files:
            more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
            raise InputError(
                f"pinned input file {files[0]}{more} {what} since the profile; run the pipeline anew from profile"
            )


def _load(spark: SparkSession, source: Source, paths: Sequence[str], schema: str | T.StructType | None) -> DataFrame:
    if source.table is not None:
        return spark.read.table(source.table)
    reader = spark.read.format(source.format).options(**(source.options or {}))
    if schema is not None:
        reader = reader.schema(schema)
    if not source.paths:
        return reader.load()
    base = _base_path(source)
    if base is not None and tuple(paths) != source.paths:
        reader = reader.option("basePath", base)
    return reader.load(list(paths))


def _base_path(source: Source) -> str | None:
    """Return the folder that partition columns (`day=2026-01-01/`) are relative to, where there is just one."""
    if len(source.paths) != 1 or any(c in source.paths[0] for c in "*?{["):
        return None
    last = source.paths[0].rstrip("/").rsplit("/", 1)[-1]
    return None if "." in last else source.paths[0]


def _listing(spark: SparkSession, paths: Sequence[str]) -> list[list[Any]]:
    try:
        listed = spark.read.format("binaryFile").load(list(paths))
        found = listed.select("path", "length", F.unix_millis("modificationTime")).collect()
    except AnalysisException as error:
        raise InputError(f"cannot list {', '.join(paths[:_SHOWN])}: {reason(error)}") from None
    return sorted([row[0], row[1], row[2]] for row in found)


def _filtered(df: DataFrame, source: Source) -> DataFrame:
    return df.where(source.where) if source.where else df


def _time_zone(spark: SparkSession) -> str:
    return str(spark.conf.get("spark.sql.session.timeZone"))


def _name(source: Source) -> str:
    return source.table or ", ".join(source.paths[:_SHOWN]) or f"the {source.format} source"

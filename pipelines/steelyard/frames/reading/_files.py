"""The files of a read, and the columns from the names of their folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.errors import InputError, reason
from steelyard.frames._text_forms import by_form
from steelyard.frames.reading._kinds import Seen, kind_of_column
from steelyard.frames.reading._source import Source

_GLOB = "{}[]*?\\"
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_LISTING = (
    "pathGlobFilter", "recursiveFileLookup", "modifiedBefore", "modifiedAfter", "basePath", "ignoreMissingFiles",
    "ignoreInvalidPartitionPaths",
)  # fmt: skip
"""Options that decide which files are read; all others are about the files' content."""


@dataclass(frozen=True)
class Listing:
    """The files that a read of a source sees, and the columns that come from names of folders."""

    files: list[list[Any]]  # path, size and modification time in ms, sorted by path
    partitions: list[T.StructField]  # columns from names of folders, such as `day=2026-01-01`
    base: str | None  # the folder that these are relative to

    @property
    def paths(self) -> list[str]:
        """The files' paths."""
        return [f[0] for f in self.files]

    def shadowed(self, names: Iterable[str]) -> list[str]:
        """Return notes on partition columns that the files have themselves."""
        lost = {f.name for f in self.partitions} - {f.name for f in self.partitions_except(names)}
        return [
            f"column {n!r} is in the files and in the names of their folders; the files' is read" for n in sorted(lost)
        ]

    def partitions_except(self, names: Iterable[str]) -> list[T.StructField]:
        """Return the partition columns that the files do not have themselves."""
        known = {name.casefold() for name in names}
        return [f for f in self.partitions if f.name.casefold() not in known]


def escaped(path: str) -> str:
    r"""Return a path whose special characters are escaped for Spark.

    Examples
    --------
    >>> escaped("a[1].csv")
    'a\\[1\\].csv'
    """
    return "".join("\\" + c if c in _GLOB else c for c in path)


def listing_options(source: Source) -> dict[str, str]:
    """Return the options of a source that decide which files are read."""
    return {name: value for name in _LISTING if (value := source.option(name)) is not None}


def content_options(source: Source) -> dict[str, str]:
    """Return the options of a source that are about the content of files."""
    names = {name.lower() for name in _LISTING}
    return {k: v for k, v in source.options.items() if k.lower() not in names}


def load_files(
    spark: SparkSession,
    source: Source,
    form: str,
    paths: Sequence[str],
    schema: T.StructType | str | None = None,
    base: str | None = None,
    **options: str,
) -> DataFrame:
    """Return the rows of some files, read with the source's options on content and some more."""
    reader = spark.read.format(form).options(**{**content_options(source), **options})
    reader = reader if schema is None else reader.schema(schema)
    return (reader if base is None else reader.option("basePath", base)).load([escaped(p) for p in paths])


def list_files(spark: SparkSession, source: Source, like: Mapping[str, T.DataType] | None = None) -> Listing:
    """List the files that Spark reads for a source. Reads no content; no job for local files.

    `like` has the types of columns in a table that this one must fit.
    """
    patterns = [_pattern(path) for path in source.paths]
    try:
        df = spark.read.format("binaryFile").options(**listing_options(source)).load(patterns)
        files = (_local(df) if len(patterns) == 1 else None) or _by_job(df)
    except (PySparkException, Py4JError) as error:
        raise InputError(f"cannot read {source.name}: {reason(error)}") from None
    files.sort()
    base = _base(source, patterns, [f[0] for f in files])
    return Listing(files, _partitions(df, base, files, like or {}), base)


def _local(df: DataFrame) -> list[list[Any]] | None:
    """Return path, size and time of local files, those without content left out.

    None where a job is needed: for remote files, and in partitions, among which there may be other files.
    """
    from pyspark.sql.utils import is_remote

    if is_remote():
        return None
    paths = [plain(path) for path in df.inputFiles()]
    if not all(path.startswith("file:///") and "=" not in path.rpartition("/")[0] for path in paths):
        return None
    try:
        found = [(path, os.stat(path.removeprefix("file://"))) for path in paths]
    except OSError:
        return None
    return [[path, of.st_size, of.st_mtime_ns // 1_000_000] for path, of in found if of.st_size]


def _by_job(df: DataFrame) -> list[list[Any]]:
    place = df.select("_metadata.file_path", "_metadata.file_size", "_metadata.file_modification_time")
    found = place.select("file_path", "file_size", F.unix_millis("file_modification_time").alias("at")).collect()
    return [[plain(row["file_path"]), row["file_size"], row["at"]] for row in found]


def unread_files(spark: SparkSession, source: Source, listing: Listing) -> list[str]:
    """Return the files below the source's folders that a read does not see: in other folders, or empty."""
    options = {**listing_options(source), "recursiveFileLookup": "true"}
    options.pop("basePath", None)
    df = spark.read.format("binaryFile").options(**options).load([_pattern(path) for path in source.paths])
    return sorted({plain(path) for path in df.inputFiles()} - set(listing.paths))


def plain(path: str) -> str:
    """Return a path as people write it: without the percent signs of URIs."""
    return re.sub(r"^file:/+", "file:///", unquote(path))


def _pattern(path: str) -> str:
    """Return a path for Spark: a local file that is called like a pattern is that file."""
    local = path.removeprefix("file://") if path.startswith("file:///") else path
    return escaped(path) if "://" not in local and any(c in _GLOB for c in path) and os.path.lexists(local) else path


def _segments(path: str) -> list[str]:
    """Return a path's parts below the scheme and the host."""
    bare = re.sub(r"^[a-zA-Z][\w+.-]*:(//[^/]*)?", "", path) if re.match(r"^[a-zA-Z][\w+.-]*:/", path) else path
    full = bare if bare.startswith("/") or "://" in path else os.path.abspath(bare)
    return [s for s in full.split("/") if s]


def _base(source: Source, patterns: Sequence[str], files: Sequence[str]) -> str | None:
    """Return the folder that partition columns are relative to, None where there are no such columns."""
    if (source.option("recursiveFileLookup") or "").lower() == "true":
        return None
    given = source.option("basePath")
    if given is not None:
        return given
    for pattern in patterns:
        depth = len(_segments(pattern))
        for file in files:
            below = _segments(file)[depth:-1]
            if any("=" in s[1:] for s in below):
                return file.rsplit("/", len(below) + 1)[0]
    return None


def _partitions(
    df: DataFrame, base: str | None, files: Sequence[Sequence[Any]], like: Mapping[str, T.DataType]
) -> list[T.StructField]:
    if base is None:
        return []
    depth = len(_segments(base))
    values: dict[str, set[str]] = {}
    for segment in (s for f in files for s in _segments(f[0])[depth:-1] if "=" in s[1:]):
        name, _, value = segment.partition("=")
        values.setdefault(unquote(name), set()).add(unquote(value))
    kinds = {field.name.lower(): field.dataType for field in df.schema.fields}
    known = [n for n in values if n.lower() in kinds]
    return [T.StructField(n, kind_of_partition(kinds[n.lower()], values[n], like.get(n))) for n in known]


def kind_of_partition(inferred: T.DataType, values: Iterable[str], wanted: T.DataType | None = None) -> T.DataType:
    """Return the type of a partition column: text where Spark has numbers of what is text in CSV, such as 007 or 1d.

    If an earlier table is to be fitted, the column has text or numbers as there.
    """
    if isinstance(wanted, T.StringType):
        return wanted
    if isinstance(wanted, T.NumericType) or not isinstance(inferred, T.NumericType):
        return inferred
    known = pa.array(sorted(set(values) - {_NULL_PARTITION}), pa.string())
    forms = {form: Seen(len(found)) for form, found in by_form(known, ())}
    return T.StringType() if kind_of_column(forms) == "text" else inferred

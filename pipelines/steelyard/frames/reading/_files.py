"""The files of a read, and the columns from the names of their folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.errors import InputError, reason
from steelyard.frames.reading._partitions import code_among, kind_of_partition
from steelyard.frames.reading._source import Source

_GLOB = "{}[]*?\\"
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
    codes: Mapping[str, str] = field(default_factory=dict)  # a text of each of these that is text for its sake

    @property
    def paths(self) -> list[str]:
        """The files' paths."""
        return [f[0] for f in self.files]

    def notes(self, names: Iterable[str], *, declared: bool) -> list[str]:
        """Return notes on these columns, given those of the files, or those that are declared: files may lack some."""
        own = [f.name for f in self.partitions_except(names)]
        both = [f.name for f in self.partitions if f.name not in own and not declared]
        return [
            f"column {n!r} is in the files and in the names of their folders; the folders' is read" for n in both
        ] + [
            f"column {n!r}, from names of folders, is text: a number would change {self.codes[n]!r}"
            for n in own
            if n in self.codes
        ]

    @property
    def by_folder(self) -> dict[str, T.StructField]:
        """The partition columns by name without case, as Spark compares names."""
        return {f.name.casefold(): f for f in self.partitions}

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
    return Listing(files, *_partitions(df, base, files, like or {}))


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
) -> tuple[list[T.StructField], str | None, dict[str, str]]:
    """Return the columns, their folder, and of each column that is text for the sake of a code, that code."""
    if base is None:
        return [], None, {}
    depth = len(_segments(base))
    values: dict[str, set[str]] = {}
    for segment in (s for f in files for s in _segments(f[0])[depth:-1] if "=" in s[1:]):
        name, _, value = segment.partition("=")
        values.setdefault(unquote(name), set()).add(unquote(value))
    kinds = {f.name.lower(): f.dataType for f in df.schema.fields}
    known = {n: kinds[n.lower()] for n in values if n.lower() in kinds}
    codes = {n: code_among(kind, values[n]) for n, kind in known.items() if n not in like}
    columns = [T.StructField(n, kind_of_partition(kind, values[n], like.get(n))) for n, kind in known.items()]
    return columns, base, {n: code for n, code in codes.items() if code is not None}

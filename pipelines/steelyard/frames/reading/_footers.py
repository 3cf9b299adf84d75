"""The footers of Parquet and ORC files: read by pyarrow, on the driver, no content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import fs as pafs

from steelyard.errors import InputError

_THREADS = 16
_SPARK = b"org.apache.spark.sql.parquet.row.metadata"


@dataclass(frozen=True)
class Group:
    """Files with one and the same physical schema."""

    schema: pa.Schema
    files: list[int]  # their places in the list of files
    spark: str | None = None  # Spark's own schema, as JSON, where Spark wrote the files


def groups(files: Sequence[str], form: str) -> list[Group] | None:
    """Return the files by their schema, in the order of their first files; None where pyarrow cannot reach them.

    A file without a readable footer is an error that names it.
    """
    try:
        filesystem = _filesystem(files[0])
    except (pa.ArrowException, OSError, ValueError):
        return None
    with ThreadPoolExecutor(_THREADS) as pool:
        marks = list(pool.map(lambda file: _mark(filesystem, file, form), files))
    if any(mark is None for mark in marks):
        return None
    places: dict[str | None, list[int]] = {}
    for place, mark in enumerate(marks):
        places.setdefault(mark, []).append(place)
    found = []
    for same in places.values():
        schema, _ = _footer(filesystem, files[same[0]], form)
        spark = (schema.metadata or {}).get(_SPARK)
        found.append(Group(schema, same, spark.decode() if spark else None))
    return found


def written_by_spark(folder: str) -> str | None:
    """Return the schema, as JSON, of the Parquet files that one job of Spark wrote into a folder.

    None where pyarrow cannot reach or read them.
    """
    import pyarrow.parquet as pq

    try:
        filesystem = _filesystem(folder)
        found = filesystem.get_file_info(pafs.FileSelector(_path(folder)))
        first = min(f.path for f in found if f.is_file and re.match(r"[^_.].*\.parquet$", f.base_name))
        with filesystem.open_input_file(first) as stream:
            known = (pq.ParquetFile(stream).metadata.metadata or {}).get(_SPARK)
    except (pa.ArrowException, OSError, ValueError):
        return None
    return known.decode() if known else None


def _filesystem(file: str) -> pafs.FileSystem:
    if file.startswith("file:///"):
        return pafs.LocalFileSystem()
    return pafs.FileSystem.from_uri(re.sub(r"^s3[an]://", "s3://", file))[0]


def _path(file: str) -> str:
    if file.startswith("file:///"):
        return file.removeprefix("file://")
    scheme, _, rest = file.partition("://")
    return "/" + rest.partition("/")[2] if scheme == "hdfs" else rest


def _mark(filesystem: pafs.FileSystem, file: str, form: str) -> str | None:
    """Return a hash of a file's schema: thousands of wide schemas need not be kept."""
    try:
        stream = filesystem.open_input_file(_path(file))
    except OSError:
        return None
    stream.close()
    _, text = _footer(filesystem, file, form)
    return hashlib.sha256(text).hexdigest()


def _footer(filesystem: pafs.FileSystem, file: str, form: str) -> tuple[pa.Schema, bytes]:
    try:
        with filesystem.open_input_file(_path(file)) as stream:
            return _orc(stream) if form == "orc" else _parquet(stream)
    except (pa.ArrowException, OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0][:200]
        raise InputError(
            f"cannot read {file}: it is not a {form.upper() if form == 'orc' else 'Parquet'} file, or damaged ({first})"
        ) from None


def _parquet(stream: Any) -> tuple[pa.Schema, bytes]:
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(stream).metadata
    spark = (metadata.metadata or {}).get(_SPARK, b"")
    return _without_int96(metadata), str(metadata.schema).partition("\n")[2].encode() + spark


def _orc(stream: Any) -> tuple[pa.Schema, bytes]:
    from pyarrow import orc

    schema = orc.ORCFile(stream).schema
    return schema, str(schema.remove_metadata()).encode()


def _without_int96(metadata: Any) -> pa.Schema:
    """Return the Arrow schema, with Spark's own times (INT96) as what Spark reads: microseconds in UTC."""
    schema = metadata.schema.to_arrow_schema()
    columns = [metadata.schema.column(i) for i in range(metadata.num_columns)]
    for name in (c.path for c in columns if c.physical_type == "INT96" and c.path in schema.names):
        place = schema.get_field_index(name)
        schema = schema.set(place, schema.field(place).with_type(pa.timestamp("us", tz="UTC")))
    return schema

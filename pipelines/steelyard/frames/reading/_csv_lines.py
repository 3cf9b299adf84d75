"""CSV files as lines of text: their first lines, their headers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.reading._dialect import foreign
from steelyard.frames.reading._files import Listing, escaped, plain
from steelyard.frames.reading._source import Source

_HEAD = 50
_SEPARATOR = re.compile(rb"(?:\xef\xbb\xbf)?sep=.?", re.IGNORECASE)
_WIDEST = 100_000  # bytes of a line that the head holds
_SHOWN = 120  # characters of a header in a message


def lines_of(spark: SparkSession, source: Source, files: Sequence[str]) -> DataFrame:
    """Return the lines of some files, in a column `value`."""
    separator = source.option("lineSep")
    options = {} if separator is None else {"lineSep": separator}
    return spark.read.options(**options).text([escaped(f) for f in files])


def rows_of(spark: SparkSession, source: Source, files: Sequence[str]) -> DataFrame:
    """Return the lines of some files that are neither blank nor comments."""
    value, comment = F.col("value"), source.option("comment")
    lines = lines_of(spark, source, files).where(F.trim(value) != "")
    return lines.where(~F.startswith(value, F.lit(comment))) if comment else lines


def head_of(spark: SparkSession, source: Source, file: str) -> list[bytes]:
    """Return the first lines of a text file that are neither blank nor comments."""
    value = F.substring(F.col("value").cast("binary"), 1, _WIDEST).alias("value")
    rows = [bytes(row["value"]) for row in lines_of(spark, source, [file]).select(value).limit(_HEAD).collect()]
    comment = (source.option("comment") or "").encode()
    head = [row.rstrip(b"\r") for row in rows if row.strip() and not (comment and row.startswith(comment))]
    if head and _SEPARATOR.fullmatch(head[0]):
        said = head[0].decode("utf-8", "replace").lstrip("\ufeff")
        raise InputError(f"cannot read {file}: its first line, {said!r}, is for Excel, not a header; delete that line")
    what = foreign(head)
    if what is not None:
        raise InputError(f"cannot read {file}: it is {what}, not CSV")
    return head


def refuse_other_headers(spark: SparkSession, source: Source, listing: Listing, head: Sequence[bytes]) -> None:
    """Raise `InputError` for a file that does not begin with the first file's header."""
    own = F.max(F.col("value").cast("binary") == F.lit(head[0])).alias("own")
    lines = lines_of(spark, source, listing.paths)
    found = lines.groupBy(F.col("_metadata.file_path").alias("file")).agg(own).where("not own").orderBy("file").first()
    if found is None:
        return
    file = plain(found["file"])
    other = head_of(spark, source, file)
    raise InputError(
        f"the header of {file} is {_shown(other)}, that of {listing.paths[0]} is {_shown(head)}; "
        "files of one table need the same header"
    )


def _shown(head: Sequence[bytes]) -> str:
    return repr(head[0][:_SHOWN].decode("utf-8", "replace")) if head else "empty"

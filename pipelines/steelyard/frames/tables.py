"""Parquet tables that are written and read back: with a checksum of each page, which is verified where it is read."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

_WRITTEN = "parquet.page.write-checksum.enabled"
_VERIFIED = "parquet.page.verify-checksum.enabled"


def write_parquet(df: DataFrame, uri: str, *, mode: str = "error", partition_by: tuple[str, ...] = ()) -> None:
    """Write a table as Parquet, its pages with checksums."""
    writer = df.write.mode(mode).option(_WRITTEN, "true")
    (writer.partitionBy(*partition_by) if partition_by else writer).parquet(uri)


def read_parquet(spark: SparkSession, uri: str) -> DataFrame:
    """Return a table that `write_parquet` wrote; a page that has changed fails the query that reads it.

    pyarrow reads the schema here: for Spark it is a job.
    """
    from steelyard.frames.reading import written_schema

    reader, schema = spark.read.option(_VERIFIED, "true"), written_schema(uri)
    return (reader if schema is None else reader.schema(schema)).parquet(uri)

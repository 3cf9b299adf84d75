"""Rows of a source of transfer that a split by time allows."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, dtype
from steelyard.config import PipelineConfig
from steelyard.splitting import SPLIT, SplitPlan, apply_split
from steelyard.stages._context import Context
from steelyard.stages._source import source

_MOST = 3e18  # larger numbers count as missing


def ordering(config: PipelineConfig) -> str | None:
    """Return the column of time by which the table is split, None for other methods."""
    return config.data.time if config.split.method == "temporal" else None


def known_at_training(ctx: Context, rows: DataFrame) -> tuple[DataFrame, int | None]:
    """Return the rows of the source that are not later than the training rows, and how many others there are.

    The number is None where the split is not by time, or, with a warning, where the source has no such times: a column
    of another kind is dropped. Otherwise this costs two narrow scans.
    """
    time = ordering(ctx.config)
    if time is None:
        return rows, None
    plan = SplitPlan.from_json(ctx.read("split", "plan.json"))
    if not {time, plan.label} <= set(rows.columns) or kind_of_time(rows, time) != kind_of_time(source(ctx), time):
        ctx.warn(f"train.transfer: the source has no times as {time!r}, so that its rows may be later than training")
        return rows.drop(time), None
    rows = in_units_of(rows, time, dtype(source(ctx), time))
    known = apply_split(rows, plan).where(F.col(SPLIT) == "train").drop(SPLIT)
    return known, rows.count() - known.count()


def in_units_of(rows: DataFrame, time: str, kind: T.DataType) -> DataFrame:
    """Return rows with numbers as times of a kind: whole numbers count in units, others in millionths.

    A fraction becomes the next whole number, so that it is never earlier than it was.
    """
    own = dtype(rows, time)
    if not isinstance(own, T.NumericType) or isinstance(own, T.IntegralType) == isinstance(kind, T.IntegralType):
        return rows
    value = col(time).cast("double")
    if isinstance(kind, T.IntegralType):
        value = F.when(F.abs(value) <= _MOST, F.ceil(value))
    return rows.withColumn(time, value)


def kind_of_time(df: DataFrame, time: str) -> str | None:
    """Return whether times are numbers, whose unit is unknown, or points in time; None for other types."""
    own = dtype(df, time)
    if isinstance(own, T.NumericType):
        return "number"
    return "point" if isinstance(own, T.TimestampType | T.TimestampNTZType | T.DateType | T.StringType) else None

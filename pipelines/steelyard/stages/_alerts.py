"""Hours, days or weeks of a run's rows, for rules on alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier import alert_period, alert_rule, rate_of
from steelyard.columns import internal
from steelyard.config import PipelineConfig, Recipe
from steelyard.deciding import alert_shares
from steelyard.splitting import SPLIT
from steelyard.stages._context import Context
from steelyard.stages._source import dataset, split_rows

PERIOD, SHARE, COUNTED = internal("period"), internal("share"), internal("counted")


def recipe_of(config: PipelineConfig) -> Recipe:
    """Return the sections of a pipeline that make a classifier, with a known model."""
    return Recipe(resample=config.resample, train=config.train.known, decide=config.decide)


def validation_shares(ctx: Context) -> DataFrame | None:
    """Return which share of each period's rows are validation rows; None without a rule on alerts.

    Of a split by time only whole periods count.
    """
    rule = alert_rule(recipe_of(ctx.config))
    if rule is None:
        return None
    shares = _shares(ctx, rule).where(F.col("part") == "validation").drop("part")
    return shares.where(F.col("share") >= 1) if ctx.config.split.method == "temporal" else shares


def with_periods(ctx: Context, rows: DataFrame) -> DataFrame:
    """Return rows of several splits with their period, which share of it they stand for, and whether it counts."""
    rule, data = alert_rule(recipe_of(ctx.config)), dataset(ctx)
    if rule is None or data.time is None:
        return rows
    shares = _shares(ctx, rule)
    whole = F.col("share") >= 1 if ctx.config.split.method == "temporal" else F.lit(True)
    table = shares.select(F.col("period").alias(PERIOD), F.col("part").alias(SPLIT), "share", whole.alias(COUNTED))
    named = rows.withColumn(PERIOD, alert_period(rows, data.time, rule["per"]))
    joined = named.join(F.broadcast(table.withColumnRenamed("share", SHARE)), [PERIOD, SPLIT], "left")
    return joined.withColumn(SHARE, F.col(SHARE) * rate_of(rows, data))


def _shares(ctx: Context, rule: Mapping[str, Any]) -> DataFrame:
    rows = split_rows(ctx)
    return alert_shares(rows, alert_period(rows, str(dataset(ctx).time), rule["per"]), F.col(SPLIT))

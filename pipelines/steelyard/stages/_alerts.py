"""Hours, days or weeks of a run's rows, for rules on alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier import PERIOD, SHARE, alert_period, alert_rule, rate_of
from steelyard.columns import internal
from steelyard.config import PipelineConfig, Recipe
from steelyard.deciding import DecisionPolicy, alert_shares
from steelyard.splitting import SPLIT
from steelyard.stages._context import Context
from steelyard.stages._source import dataset, split_rows

COUNTED = internal("counted")


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
    shares = _shares(ctx, rule, dataset(ctx).time).where(F.col("part") == "validation").drop("part")
    return shares.where(F.col("share") >= 1) if ctx.config.split.method == "temporal" else shares


def with_periods(ctx: Context, rows: DataFrame, policy: DecisionPolicy) -> DataFrame:
    """Return rows of splits with their period, which share of it they stand for, and whether it counts.

    Without a rule on alerts, rows stay as they are.
    """
    rule, time = policy.alerts, policy.time
    if rule is None or time is None:
        return rows
    shares = _shares(ctx, rule, time)
    whole = F.col("share") >= 1 if ctx.config.split.method == "temporal" else F.lit(True)
    table = shares.select(F.col("period").alias(PERIOD), F.col("part").alias(SPLIT), "share", whole.alias(COUNTED))
    named = rows.withColumn(PERIOD, alert_period(rows, time, rule["per"]))
    joined = named.join(F.broadcast(table.withColumnRenamed("share", SHARE)), [PERIOD, SPLIT], "left")
    return joined.withColumn(SHARE, F.col(SHARE) * rate_of(rows, dataset(ctx)))


def with_shares(ctx: Context, rows: DataFrame, policy: DecisionPolicy) -> DataFrame:
    """Return rows of splits with the columns that `Classifier.transform` needs to decide by the highest scores.

    Rows that have them, and those of policies with another rule, stay as they are.
    """
    return rows if policy.top is None or SHARE in rows.columns else with_periods(ctx, rows, policy)


def _shares(ctx: Context, rule: Mapping[str, Any], time: str | None) -> DataFrame:
    rows = split_rows(ctx)
    return alert_shares(rows, alert_period(rows, str(time), rule["per"]), F.col(SPLIT))

"""Scored rows: calibrated probabilities, decisions, and the columns that metrics need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.classifier import Classifier
from steelyard.columns import check_free, col, dtype, internal
from steelyard.dataset import Dataset
from steelyard.deciding import ALERTS
from steelyard.hashing import row_hash, unit_hash
from steelyard.metrics import row_weight
from steelyard.splitting import SPLIT, time_position
from steelyard.stages._alerts import COUNTED, PERIOD, SHARE
from steelyard.stages._context import Context

BUCKETS = 200
_DAY = 86_400_000_000  # microseconds
COSTS = ("cost_false_negative", "cost_false_positive")


def scored(df: DataFrame, classifier: Classifier, names: Sequence[Column]) -> DataFrame:
    """Return the named columns of raw rows with `score` and `decision`.

    With two classes, `score` is the calibrated probability of the positive one; with more, a map from class to
    probability.
    """
    made = {name: internal(name) for name in ("probability", "calibrated", "decision")}
    rows = classifier.transform(df, **made)
    score, decision = F.col(made["calibrated"]), F.col(made["decision"])
    if SHARE in df.columns and classifier.policy.top is not None:
        decision = classifier.policy.decide(score, period=F.col(PERIOD), share=F.col(SHARE), part=F.col(SPLIT))
    return rows.select(*names, score.alias("score"), decision.alias("decision"))


def check_key(data: Dataset, rule: object = None) -> None:
    """Refuse key columns whose names are those of other columns in the table of scores; `rule` is the decision rule.

    Raises
    ------
    InputError
    """
    roles = {"group": data.group is not None, "weight": data.weight is not None or bool(data.sampling_rate)}
    alerts = isinstance(rule, Mapping) and ALERTS in rule
    given = [role for role, there in {**roles, "period": alerts, "share": alerts}.items() if there]
    costs = COSTS if data.cost.given else ()
    check_free(data.key, ["split", "label", "bucket", "score", "decision", *costs, *given], "the table of scores")


def passthrough_columns(df: DataFrame, data: Dataset, *, temporal: bool) -> list[Column]:
    """Return the columns stored with a score: split, key, label, costs, group, weight, period, bucket."""
    columns = [F.col(SPLIT).alias("split"), *map(col, data.key), col(data.label).alias("label")]
    for name, cost in zip(COSTS, (data.cost.false_negative, data.cost.false_positive), strict=True):
        if data.cost.given:
            value = col(cost) if isinstance(cost, str) else F.lit(cost or 0.0)
            columns.append(value.cast("double").alias(name))
    if data.group is not None:
        columns.append(col(data.group).alias("group"))
    weight = row_weight(df, data)
    if weight is not None:
        columns.append(weight.alias("weight"))
    if SHARE in df.columns:
        period = F.when(F.col(COUNTED), F.col(PERIOD))
        columns += [period.alias("period"), F.col(SHARE).alias("share")]
    return [*columns, bucket(df, data, temporal=temporal).alias("bucket")]


def bucket(df: DataFrame, data: Dataset, *, temporal: bool) -> Column:
    """Return the bucket of a row, of 200: intervals resample buckets, so dependent rows must share one.

    Rows of one group share a bucket; without groups, rows of one day do where the split is by time; else each row
    is a unit of its own, even where rows without a key are equal.
    """
    if data.group is not None:
        place = row_hash(df, [data.group], 0, "bucket")
    elif temporal and data.time is not None and not isinstance(dtype(df, data.time), T.NumericType):
        day = F.floor(time_position(df, data.time, 0) / _DAY)
        place = F.shiftrightunsigned(F.xxhash64(day, F.lit("bucket")), 1)
    elif data.key:
        place = row_hash(df, data.key, 0, "bucket")
    else:
        place = unit_hash(df, data.content, [data.label, SPLIT], "bucket")
    return (place % BUCKETS).cast("int")


def published_scores(ctx: Context) -> DataFrame:
    """Return the scored rows that `evaluate` has published."""
    return ctx.table("evaluate", f"scores/{ctx.published('evaluate').attempt}")

"""Scored rows: calibrated probabilities, decisions, and the columns that metrics need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.classifier import PERIOD, SHARE, Classifier
from steelyard.columns import check_free, col, internal
from steelyard.config import DecideConfig
from steelyard.dataset import Dataset
from steelyard.deciding import ALERTS, ENDS, VENN_ABERS
from steelyard.metrics import row_weight
from steelyard.splitting import SPLIT, bucket
from steelyard.stages._alerts import COUNTED
from steelyard.stages._context import Context

COSTS = ("cost_false_negative", "cost_false_positive")


def scored(df: DataFrame, classifier: Classifier, names: Sequence[Column]) -> DataFrame:
    """Return the named columns of raw rows with `score` and `decision`.

    With two classes, `score` is the calibrated probability of the positive one; with more, a map from class to
    probability. Where the policy has intervals of probabilities, both ends follow.
    """
    made = {name: internal(name) for name in ("probability", "calibrated", "decision", "low", "high")}
    rows = classifier.transform(df, **made)
    score, decision = F.col(made["calibrated"]), F.col(made["decision"])
    ends = [] if classifier.policy.uncertainty is None else [F.col(made["low"]), F.col(made["high"])]
    named = [end.alias(name) for end, name in zip(ends, ENDS, strict=False)]
    return rows.select(*names, score.alias("score"), decision.alias("decision"), *named)


def check_key(data: Dataset, decide: DecideConfig) -> None:
    """Refuse key columns whose names are those of other columns in the table of scores.

    Raises
    ------
    InputError
    """
    roles = {"group": data.group is not None, "weight": data.weight is not None or bool(data.sampling_rate)}
    alerts = isinstance(decide.threshold, Mapping) and ALERTS in decide.threshold
    given = [role for role, there in {**roles, "period": alerts, "share": alerts}.items() if there]
    given += [*(COSTS if data.cost.given else ()), *(ENDS if decide.uncertainty == VENN_ABERS else ())]
    check_free(data.key, ["split", "label", "bucket", "score", "decision", *given], "the table of scores")


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
    return [*columns, bucket(df, data, temporal=temporal, others=[SPLIT]).alias("bucket")]


def published_scores(ctx: Context) -> DataFrame:
    """Return the scored rows that `evaluate` has published."""
    return ctx.table("evaluate", f"scores/{ctx.published('evaluate').attempt}")

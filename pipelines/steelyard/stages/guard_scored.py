"""Stage `guard_scored`: check that the scores can be used as probabilities."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.dataset import Dataset
from steelyard.deciding import Prior
from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._scores import published_scores
from steelyard.stages._source import dataset


def run(ctx: Context, attempt: str) -> Result:
    """Judge the published scores; their mean is not judged where they are not probabilities."""
    data = dataset(ctx)
    decision = ctx.published("evaluate").read_json("metrics.json").get("decision") or {}
    positive = data.positive if decision.get("probabilities", True) else None
    parameters = {"label": "label", "classes": list(data.classes), "positive": positive}
    return guard(ctx, attempt, "scored", _of_the_table(published_scores(ctx), data), parameters, data.key)


def _of_the_table(scores: DataFrame, data: Dataset) -> DataFrame:
    """Return scores that are probabilities among the rows of the table, some of which were left out before."""
    if data.positive is None or not data.sampling_rate:
        return scores
    rates = {c: float(data.sampling_rate.get(c, 1.0)) for c in data.classes}
    negative = next(c for c in data.classes if c != data.positive)
    # The inverse of the correction that undoes the sampling.
    sampled = Prior(positive=rates[negative], negative=rates[data.positive])
    return scores.withColumn("score", sampled.apply(F.col("score")))

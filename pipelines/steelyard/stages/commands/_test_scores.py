"""A run's scored test rows, as the reference of `steelyard monitor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard import monitoring
from steelyard.columns import class_text, of_class
from steelyard.dataset import Dataset
from steelyard.frames.tables import read_parquet
from steelyard.kernels.arrays import Floats, sum_in_bins
from steelyard.metrics.expressions import collect
from steelyard.monitoring import BUCKETS, NEGATIVE, POSITIVE, Feature, ScoreCounts
from steelyard.stages._scores import COSTS
from steelyard.store import RunDir

DECIDED = "the decided class"
"""Compared with more than two classes, like a feature."""


def test_scores(spark: SparkSession, run: RunDir) -> DataFrame:
    """Return the scored test rows that `evaluate` has published."""
    files = run.published("evaluate")
    path = f"scores/{files.attempt}"
    files.check_table(path)
    return read_parquet(spark, run.uri(path)).where(F.col("split") == "test")


def reference_counts(test: DataFrame, known: Dataset, *, temporal: bool) -> ScoreCounts:
    """Return the counts of the run's test rows."""
    return monitoring.count_rows(
        test,
        score=F.col("score"),
        alarm=F.col("decision") == F.lit(known.positive),
        label=_code(test, known),
        bucket=F.col("bucket"),
        weight=F.col("weight") if "weight" in test.columns else None,
        grouped="group" in test.columns or temporal,
    )[0]


def reference_costs(test: DataFrame, known: Dataset) -> tuple[Floats, Floats] | None:
    """Return the costs of missed positives and of false alarms in each bucket of the test rows, if there are costs."""
    if COSTS[0] not in test.columns:
        return None
    weight = F.col("weight") if "weight" in test.columns else F.lit(1.0)
    positive, alarm = _code(test, known) == POSITIVE, F.col("decision") == F.lit(known.positive)
    errors = {COSTS[0]: positive & ~alarm, COSTS[1]: ~positive & alarm}
    sums = [F.sum(F.when(wrong, weight * F.col(name)).otherwise(0.0)).alias(name) for name, wrong in errors.items()]
    found = collect(test.groupBy("bucket").agg(*sums))
    missed, false = (sum_in_bins(found["bucket"].astype(np.int64), found[name], BUCKETS) for name in COSTS)
    return missed, false


def _code(test: DataFrame, known: Dataset) -> Column:
    negative = next(c for c in known.classes if c != known.positive)
    return of_class(test, "label", {negative: NEGATIVE, str(known.positive): POSITIVE})


def decided_classes(test: DataFrame, classes: Sequence[str], rates: Mapping[str, float]) -> Feature:
    """Return the decisions on the test rows as a feature: what is compared with more than two classes.

    `rates` are the shares of the classes' rows that the table holds; shares of decisions are those of all rows.
    """
    rows, sizes = 0, dict.fromkeys(classes, 0.0)
    for of in test.groupBy("decision", class_text(test, "label").alias("label")).count().collect():
        rows += of["count"]
        sizes[of["decision"]] += of["count"] / rates.get(of["label"], 1.0)
    shares = {c: size / max(sum(sizes.values()), 1.0) for c, size in sizes.items()}
    own = monitoring.ClassProfile(1.0, 0.0, np.zeros(0), np.zeros(0), shares, 0.0)
    return Feature(DECIDED, float(rows), (), tuple(classes), (own,), True)

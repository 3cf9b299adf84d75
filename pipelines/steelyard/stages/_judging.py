"""Metrics of scored rows as a run has written them: of its splits, or of several models on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.classifier import Classifier
from steelyard.deciding import DecisionPolicy
from steelyard.frames.tables import write_parquet
from steelyard.metrics import SplitMetrics, evaluate_splits
from steelyard.stages._alerts import with_shares
from steelyard.stages._context import Context
from steelyard.stages._scores import COSTS, scored

_NO_PROBABILITIES = "training changed the scores in a way that no calibration has undone, so they are not probabilities"


def judged(
    ctx: Context,
    df: DataFrame,
    parts: Sequence[str],
    policy: DecisionPolicy,
    *,
    probabilities: bool,
    threshold: float | None = None,
    rivals: Mapping[str, float] | None = None,
) -> dict[str, SplitMetrics]:
    """Return the metrics of each part of a table of scores, which its column `split` names."""
    costs = [name if name in df.columns else None for name in COSTS]
    return evaluate_splits(
        df,
        parts,
        classes=policy.classes,
        positive=policy.positive,
        bucket=F.col("bucket"),
        threshold=threshold,
        weight="weight" if "weight" in df.columns else None,
        false_negative=costs[0],
        false_positive=costs[1],
        # Buckets of a split by time hold whole days, as those of a grouped table hold whole groups.
        grouped="group" in df.columns or ctx.config.split.method == "temporal",
        rivals=rivals,
        matrix=policy.cost.matrix,
        not_probabilities=None if probabilities else _NO_PROBABILITIES,
    )


def side_by_side(
    ctx: Context, rows: DataFrame, names: Sequence[Column], sides: Mapping[str, Classifier], place: str
) -> dict[str, SplitMetrics]:
    """Score the same rows with two classifiers, write the scores to `place`, and return the metrics of each.

    `names` are the columns that metrics need, but `split`. The last side is the run's own: its costs hold for both.
    """
    tables = [
        scored(with_shares(ctx, rows, of.policy), of, [F.lit(side).alias("split"), *names])
        for side, of in sides.items()
    ]
    write_parquet(tables[0].unionByName(tables[1]), ctx.run.uri(place))
    policies = [of.policy for of in sides.values()]
    probabilities = all(p.probabilities for p in policies)
    return judged(ctx, ctx.written(place), tuple(sides), policies[-1], probabilities=probabilities)

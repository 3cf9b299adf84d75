"""The one aggregation over scored rows: cells of scores and of features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import dtype, internal
from steelyard.dataset import MOST_AMOUNT
from steelyard.errors import InputError
from steelyard.frames.workers import in_worker
from steelyard.kernels.arrays import Counts, Floats, sum_in_bins
from steelyard.metrics.expressions import collect
from steelyard.monitoring import _count_task as task
from steelyard.monitoring._counts import BINS, BUCKETS, ScoreCounts
from steelyard.monitoring._features import Feature
from steelyard.stats import LEVEL, level_text, number_value

_CELLS = BUCKETS * 2 * 3 * BINS


def count_rows(
    df: DataFrame,
    *,
    score: Column,
    alarm: Column,
    label: Column,
    bucket: Column,
    weight: Column | None = None,
    grouped: bool = False,
    features: Sequence[Feature] = (),
) -> tuple[ScoreCounts, list[Counts]]:
    """Return rows by score, and the counts of each feature's cells. One scan, one crossing into Python, one shuffle.

    Parameters
    ----------
    df : DataFrame
        Scored rows, with the features.
    score : Column of double
    alarm : Column of boolean
    label : Column of int
        0 for negative, 1 for positive, 2 for unknown.
    bucket : Column of int
    weight : Column, optional
    grouped : bool, default False
        Whether buckets hold whole groups.
    features : sequence of Feature

    Raises
    ------
    InputError
        For scores that are null or outside [0, 1], weights that are null, negative or too large, and decisions, labels
        or buckets that are null.
    """
    ordered = sorted(features, key=lambda f: f.categorical)  # numbers first, as the task counts them
    place = (bucket.cast("int") * 2 + alarm.cast("int")) * 3 + label.cast("int")
    amount = F.lit(1.0) if weight is None else F.coalesce(weight.cast("double"), F.lit(-1.0))
    columns = {
        task.PLACE: F.when(amount.between(0.0, MOST_AMOUNT), place).cast("bigint"),
        task.SCORE: score.cast("double"),
        task.WEIGHT: amount,
        **_values(df, ordered),
    }
    rows = df.select(*(column.alias(name) for name, column in columns.items()))
    cell, count, size = _counted(rows, ordered)
    if len(cell) and cell[0] == task.INVALID:
        raise InputError(
            f"in {int(count[0]):,} rows the score is null or outside [0, 1], the weight is null, negative or above "
            f"{MOST_AMOUNT:g}, or the decision or the label is null"
        )
    scores = cell < _CELLS
    grid = ScoreCounts.from_cells(cell[scores], count[scores], size[scores], grouped=grouped)
    ends = np.cumsum([0, *(f.cells for f in ordered)])
    flat = sum_in_bins(cell[~scores] - _CELLS, count[~scores], int(ends[-1])).astype(np.int64)
    parts = {f.name: flat[end : end + f.cells] for f, end in zip(ordered, ends.tolist(), strict=False)}
    return grid, [parts[f.name] for f in features]


def _values(df: DataFrame, features: Sequence[Feature]) -> dict[str, Column]:
    """Return the columns of features for the task: an array of numbers, and a struct of levels."""
    numbers = [F.coalesce(number_value(df, f.name), F.lit(float("nan"))) for f in features if not f.categorical]
    levels = [F.substring(_level(df, f), 1, LEVEL) for f in features if f.categorical]
    named = [level.alias(str(i)) for i, level in enumerate(levels)]
    columns = {task.VALUES: F.array(*numbers)} if numbers else {}
    return columns | ({task.LEVELS: F.struct(*named)} if named else {})


def _level(df: DataFrame, feature: Feature) -> Column:
    """Return the level of a row; 1 and 0 are true and false where the reference has booleans, as for models."""
    text = level_text(df, feature.name)
    if not (set(feature.levels) <= {"false", "true"} and isinstance(dtype(df, feature.name), T.NumericType)):
        return text
    return F.when(text == "1", "true").when(text == "0", "false").otherwise(text)


def _counted(rows: DataFrame, features: Sequence[Feature]) -> tuple[Counts, Floats, Floats]:
    """Return cells in ascending order, with their rows and weights."""
    edges = [f.edges for f in features if not f.categorical]
    levels = [f.levels for f in features if f.categorical]
    settings = {"edges": edges, "levels": levels, "first": _CELLS}
    cells = rows.mapInArrow(in_worker(task.__name__, "count_cells", **settings), task.SCHEMA)
    sums = [F.sum(name).alias(internal(name)) for name in ("rows", "weight")]
    found = collect(cells.groupBy("cell").agg(*sums))
    order = np.argsort(found["cell"])
    count, size = (found[internal(name)][order].astype(np.float64) for name in ("rows", "weight"))
    return found["cell"][order].astype(np.int64), count, size

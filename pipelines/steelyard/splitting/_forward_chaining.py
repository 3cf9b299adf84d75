"""Folds in time: each is trained on the blocks before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, internal
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.hashing import cuts, with_side
from steelyard.splitting._folds import FoldPlan, check_folds
from steelyard.splitting._plan import ALL_ROWS, deviations, labelled, time_position
from steelyard.splitting._temporal import checked_time, cuts_apart, in_units, rarest_class

_BLOCK = internal("block")


def forward_chaining_folds(
    df: DataFrame, dataset: Dataset, counts: Mapping[str, int], folds: int, *, gap: timedelta = timedelta(0)
) -> FoldPlan:
    """Plan folds in time, each trained on all rows before it.

    Time is cut into `folds` + 1 blocks of equal numbers of rows, numbered from 0; fold `i` of 1 to `folds` is tested
    on block `i` and trained on the blocks before it, as in scikit-learn's `TimeSeriesSplit`. Rows of one time stay
    together, so that blocks are equal to within the rows of one time; the deviation is reported. Groups don't matter
    here, as in a temporal split.

    Costs four narrow scans over time and label. Applying the plan is a column expression.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
        Its `time` orders the rows.
    counts : mapping of str to int
        Rows of each class.
    folds : int
        At least 2.
    gap : timedelta, default 0
        Rows less than this before a block's first row don't train the model that it tests (`fold_rows`), since their
        labels weren't yet known then.

    Returns
    -------
    FoldPlan
        Its `counts` are those of the blocks.

    Raises
    ------
    InputError
        For null times, and if a block has no row of the rarest class.

    Examples
    --------
    >>> from steelyard.splitting import fold_rows
    >>> data = Dataset("is_fraud", features=("amount",), time="booked_at")
    >>> df = df.withColumn("booked_at", F.timestamp_seconds(F.col("customer") * 86400))
    >>> plan = forward_chaining_folds(df, data, {"0": 990, "1": 10}, 3, gap=timedelta(minutes=7))
    >>> for i in plan.numbers:
    ...     train, test = fold_rows(df, plan, i)
    """
    check_folds(folds)
    time, origin, bits = checked_time(df, dataset)
    position, stratum = time_position(df, time, origin), labelled(df, dataset.label)
    total, blocks = sum(counts.values()), folds + 1
    ends = [total * i // blocks for i in range(blocks + 1)]
    first = cuts(df, position, stratum, {ALL_ROWS: ends[1:-1]}, ties="whole", bits=bits)[ALL_ROWS]
    found = {ALL_ROWS: cuts_apart(df, position, stratum, first, ends[1:-1], total)}
    rows = with_side(df, position, stratum, found, _BLOCK).where(F.col(_BLOCK).isNotNull())
    by_block, begins = _blocks(rows, class_text(df, dataset.label), position, blocks)
    achieved = {str(i): {c: of.get(c, 0) for c in counts} for i, of in enumerate(by_block)}
    _refuse_empty(achieved, rarest_class(counts), time)
    plan = FoldPlan("temporal", dataset.label, 0, time=time, origin=origin, folds=folds, gap=in_units(df, time, gap))
    sizes = {b: {"rows": sum(of.values())} for b, of in achieved.items()}
    wanted = {str(i): {"rows": ends[i + 1] - ends[i]} for i in range(blocks)}
    # A cut may lie anywhere between two rows; the gap counts from a row.
    starts = [replace(c, below=first) for c, first in zip(found[ALL_ROWS], begins[1:], strict=True)]
    return replace(plan, cuts={ALL_ROWS: starts}, counts=achieved, deviations=deviations(sizes, wanted))


def _blocks(rows: DataFrame, label: Column, position: Column, blocks: int) -> tuple[list[dict[str, int]], list[int]]:
    """Return each block's rows of each class and its first position."""
    counted: list[dict[str, int]] = [{} for _ in range(blocks)]
    begins = [0] * blocks
    by_class = rows.groupBy(_BLOCK, label.alias("class")).agg(F.count(F.lit(1)).alias("n"), F.min(position).alias("at"))
    for row in sorted(by_class.collect(), key=lambda r: -r["at"]):
        counted[row[_BLOCK]][row["class"]] = row["n"]
        begins[row[_BLOCK]] = row["at"]
    return counted, begins


def _refuse_empty(achieved: Mapping[str, Mapping[str, int]], rarest: str, time: str) -> None:
    for block, of in achieved.items():
        if of[rarest] == 0:
            raise InputError(
                f"block {block} in the order of time column {time!r} has no row of class {rarest!r} "
                f"({sum(of.values()):,} rows in all); take fewer folds, or a table over a longer time"
            )

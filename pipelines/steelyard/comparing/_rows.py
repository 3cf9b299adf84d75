"""The rows of a comparison: training rows, thinned where they are too many, in folds, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, flag_bits, internal
from steelyard.comparing._table import BLOCKS, SIDES
from steelyard.dataset import Dataset
from steelyard.errors import ConfigError, InputError
from steelyard.frames.workers import in_worker
from steelyard.hashing import HASH_BITS, Ties, cuts, row_hash, select
from steelyard.learning import Preprocessing, fit_preprocessing
from steelyard.learning.base import LIMITS
from steelyard.learning.tasks import PLACE, TASK, one_task_each
from steelyard.splitting import (
    FoldPlan,
    apply_folds,
    bucket,
    fold_sides,
    forward_chaining_folds,
    grouped_folds,
    stratified_folds,
    time_position,
)

_FOLD = internal("fold")
_PURPOSE = "compare"
_MOST = 60
_RANGES = 4  # a power of two; the order of the rows is the same with any number


@dataclass(frozen=True)
class Folds:
    """How training rows are divided.

    Parameters
    ----------
    method : {"stratified", "group", "temporal"}
    folds : int
        2 to 60.
    gap : timedelta
        Of a division by time.
    held : float
        Share of a fold's training rows for early stopping, calibration and threshold.
    seed : int

    Raises
    ------
    ConfigError
        For another number of folds: the folds of a row are the bits of a whole number.
    """

    method: str = "stratified"
    folds: int = 3
    gap: timedelta = timedelta(0)
    held: float = 0.125
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.folds <= _MOST:
            raise ConfigError(f"folds must be from 2 to {_MOST}. Got {self.folds} instead.")

    @property
    def largest(self) -> float:
        """The largest share of the rows that trains the models of a fold."""
        return self.folds / (self.folds + 1) if self.method == "temporal" else 1 - 1 / self.folds

    def plan(self, df: DataFrame, data: Dataset, counts: Mapping[str, int]) -> FoldPlan:
        """Return the plan of the folds."""
        if self.method == "temporal":
            return forward_chaining_folds(df, data, counts, self.folds, gap=self.gap)
        make = grouped_folds if self.method == "group" else stratified_folds
        return make(df, data, counts, self.folds, seed=self.seed)


def preprocessing(df: DataFrame, data: Dataset) -> Preprocessing:
    """Return the features of all tasks: levels of categories are those of all rows.

    Medians and scales are left to the tasks.
    """
    return fit_preprocessing(df, data, limit=LIMITS["float32"], check=False)


def in_folds(df: DataFrame, data: Dataset, prepared: Preprocessing, plan: FoldPlan, folds: Folds) -> DataFrame:
    """Return narrow rows for tasks, with the folds that train and test with each.

    Parameters
    ----------
    df : DataFrame
        After thinning.
    data : Dataset
    prepared : Preprocessing
    plan : FoldPlan
    folds : Folds
    """
    rows = apply_folds(df, plan, _FOLD)
    sides = zip(*[fold_sides(rows, plan, fold, _FOLD) for fold in plan.numbers], strict=True)
    costs = [_amount(rows, of) for of in (data.cost.false_negative, data.cost.false_positive)]
    place = row_hash(rows, data.identity, folds.seed, _PURPOSE)
    names = F.array(*map(F.lit, data.classes))
    return rows.select(
        place.alias(PLACE),
        *[flag_bits(of).alias(name) for name, of in zip(SIDES, sides, strict=True)],
        (F.array_position(names, class_text(rows, data.label)) - 1).cast("double").alias("label"),
        (F.lit(1.0) if data.weight is None else col(data.weight).cast("double")).alias("weight"),
        _order(rows, data, folds, place).alias("order"),
        bucket(rows, data, temporal=folds.method == "temporal").alias("bucket"),
        costs[0].alias("cost_fn"),
        costs[1].alias("cost_fp"),
        F.array(*prepared.columns(rows)).cast("array<float>").alias("features"),
    )


def fewer_rows(rows: DataFrame, data: Dataset, taken: Mapping[str, int], wanted: Mapping[str, int]) -> DataFrame:
    """Return so many rows of each class, drawn by hash; those of a smaller number are among those of a larger one.

    Costs one scan.

    Parameters
    ----------
    rows : DataFrame
        Of `in_folds`.
    data : Dataset
    taken, wanted : mapping of str to int
        Rows of each class that are there, and that are wanted.
    """
    place, code = F.col(PLACE), F.col("label").cast("int")
    quotas = {c: [wanted[c]] for c in data.classes}
    ties: Ties = "exact" if data.key else "proportional"
    found = cuts(rows, place, code, quotas, ties=ties, sizes={c: taken[c] for c in data.classes})
    return select(rows, place, code, {c: cut for c, (cut,) in found.items()})


def for_tasks(rows: DataFrame, tasks: int) -> DataFrame:
    """Return all rows for each task, in blocks that it reads at once.

    Costs one sort of the rows, several ranges of places at once, one crossing into Python, and one shuffle of the
    blocks.

    Parameters
    ----------
    rows : DataFrame
        Of `in_folds`.
    tasks : int
        Folds.
    """
    range_ = F.shiftrightunsigned(PLACE, HASH_BITS - _RANGES.bit_length() + 1).cast("int")
    ordered = one_task_each(rows.select(range_.alias(TASK), "*", F.col(PLACE).alias("place")), _RANGES)
    blocks = ordered.mapInArrow(in_worker("steelyard.comparing._table", "pack"), BLOCKS)
    each = F.explode(F.array(*map(F.lit, range(tasks)))).alias(TASK)
    return one_task_each(blocks.select(each, F.col("number").alias(PLACE), "records", "features"), tasks)


def _order(df: DataFrame, data: Dataset, folds: Folds, place: Column) -> Column:
    """Return the order whose last rows are held out: of time, of groups, or of rows."""
    if folds.method == "temporal":
        return time_position(df, data.time or "", 0)
    if folds.method == "group" and data.group is not None:
        return row_hash(df, [data.group], folds.seed, f"{_PURPOSE}/held")
    return row_hash(df, data.identity, folds.seed, f"{_PURPOSE}/held")


def _amount(df: DataFrame, of: str | float | None) -> Column:
    return (col(of) if isinstance(of, str) else F.lit(of or 0.0)).cast("double")


def check_rows(counts: Mapping[str, int], folds: int) -> None:
    """Raise `InputError` for a class that is too small for folds whose training rows are divided again."""
    rare = min(counts, key=counts.__getitem__)
    if counts[rare] < 2 * folds:
        raise InputError(
            f"class {rare!r} has {counts[rare]:,} training rows, too few to compare on {folds} folds; collect more, or "
            "leave out the section compare"
        )

"""Folds for cross-validation, as a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import check_free, check_names, internal
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.splitting._grouped import divide_groups
from steelyard.splitting._plan import ALL_ROWS, Division, divided, time_position, wanted_counts
from steelyard.splitting._stratified import divide_classes

MOST_FOLDS = 1000
_FOLD = internal("fold")


@dataclass(frozen=True, repr=False)
class FoldPlan(Division):
    """A plan of folds; made by `stratified_folds`, `grouped_folds` or `forward_chaining_folds`.

    The sides are the folds 0 to `folds` - 1; with forward chaining they are blocks of time, 0 to `folds`.

    Parameters
    ----------
    folds : int
        How many pairs of training and test rows there are.
    gap : int
        Forward chaining: rows less than this many units of time (microseconds, for times) before a block don't train
        the model that it tests.
    """

    purpose: ClassVar[str] = "folds"

    folds: int = 0
    gap: int = 0

    @property
    def numbers(self) -> range:
        """The numbers of the folds: 0 to `folds` - 1; with forward chaining 1 to `folds`."""
        return range(1, self.folds + 1) if self.method == "temporal" else range(self.folds)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; thresholds and hashes are decimal strings."""
        return {**super().to_json(), "folds": self.folds, "gap": self.gap}


def stratified_folds(
    df: DataFrame, dataset: Dataset, counts: Mapping[str, int], folds: int, *, seed: int = 0
) -> FoldPlan:
    """Plan folds that have equal numbers of rows of each class, to within one row.

    The rows of a class are ordered by a hash of their identity and cut at exact counts. Which folds get the rows
    that are left over rotates from class to class, so that the folds' sizes differ by at most one row, too.

    Equal rows without a key, and rows of one key, are treated as by `stratified_split`.

    Costs one narrow scan, two where rows without a key repeat. Applying the plan is a column expression; rows of
    divided groups alone pass through a window.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    counts : mapping of str to int
        Rows of each class.
    folds : int
        At least 2.
    seed : int, default 0

    Raises
    ------
    InputError
        If a class has fewer rows than there are folds.

    Examples
    --------
    >>> plan = stratified_folds(df, dataset, {"0": 990, "1": 10}, 5)
    >>> apply_folds(df, plan).where("is_fraud = 1").groupBy("fold").count().orderBy("fold").collect()[0]
    Row(fold=0, count=2)
    """
    check_names(df.columns)
    wanted = _even(counts, folds)
    for name, n in counts.items():
        if n < folds:
            raise InputError(f"class {name!r} has {n:,} rows, too few for {folds} folds")
    plan = FoldPlan("stratified", dataset.label, seed, dataset.identity, folds=folds)
    return divide_classes(df, plan, dataset, counts, wanted)


def grouped_folds(df: DataFrame, dataset: Dataset, counts: Mapping[str, int], folds: int, *, seed: int = 0) -> FoldPlan:
    """Plan folds with whole groups and nearly equal numbers of rows of each class.

    The method and the cost are those of `grouped_split`.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
        Its `group` is the column whose rows stay together.
    counts : mapping of str to int
        Rows of each class.
    folds : int
        At least 2.
    seed : int, default 0

    Raises
    ------
    InputError
        If no group column is given, if it is null in some rows, and if a class has no row in one of the folds.

    Examples
    --------
    >>> data = Dataset("is_fraud", features=("amount",), group="customer")
    >>> plan = grouped_folds(df, data, {"0": 990, "1": 10}, 5)
    """
    return divide_groups(df, FoldPlan("group", dataset.label, seed, folds=folds), dataset, _even(counts, folds))


def holdout(df: DataFrame, dataset: Dataset, counts: Mapping[str, int], share: float, *, seed: int = 0) -> FoldPlan:
    """Plan two folds of unequal size: fold 0 holds out a share of each class, fold 1 has the rest.

    Whole groups where `dataset.group` is given, see `grouped_split`; else the method and the cost are those of
    `stratified_folds`.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    counts : mapping of str to int
        Rows of each class.
    share : float
        Of each class's rows, rounded half up.
    seed : int, default 0

    Raises
    ------
    InputError
        If a class would have no row in one of the folds, or groups are null.

    Examples
    --------
    >>> plan = holdout(df, dataset, {"0": 990, "1": 10}, 0.2)
    >>> plan.counts
    {'0': {'0': 198, '1': 2}, '1': {'0': 792, '1': 8}}
    """
    check_names(df.columns)
    held = {c: wanted_counts(n, share, 0)["validation"] for c, n in counts.items()}
    wanted = {"0": held, "1": {c: n - held[c] for c, n in counts.items()}}
    if dataset.group is not None:
        return divide_groups(df, FoldPlan("group", dataset.label, seed, folds=2), dataset, wanted)
    for name, n in counts.items():
        if not 0 < held[name] < n:
            raise InputError(f"class {name!r} has {n:,} rows, too few to hold out a share of {share}")
    plan = FoldPlan("stratified", dataset.label, seed, dataset.identity, folds=2)
    return divide_classes(df, plan, dataset, counts, wanted)


def apply_folds(df: DataFrame, plan: FoldPlan, column: str = "fold") -> DataFrame:
    """Add the int column of folds: 0 to `folds` - 1, null for rows without a label.

    With forward chaining it holds blocks of time instead, 0 to `folds`: fold `i` of 1 to `folds` is tested on block
    `i` and trained on the rows whose block is less than `i`. Its gap is not in the column; `fold_rows` applies it.

    A column expression: no shuffle, no copy, unless equal rows without a key are divided; then those rows alone
    pass through a window.

    Parameters
    ----------
    df : DataFrame
    plan : FoldPlan
    column : str, default "fold"
        As given to `foldCol` of Spark's `CrossValidator` (not with forward chaining, which is not cross-validation).

    Raises
    ------
    InputError
        If `df` has such a column already.
    """
    check_free(df.columns, [column], "apply_folds")
    return divided(df, plan, column)


def fold_rows(df: DataFrame, plan: FoldPlan, fold: int) -> tuple[DataFrame, DataFrame]:
    """Return the training rows and the test rows of one fold.

    Parameters
    ----------
    df : DataFrame
    plan : FoldPlan
    fold : int
        One of `plan.numbers`.

    Raises
    ------
    InputError
        If there is no such fold.
    """
    if fold not in plan.numbers:
        raise InputError(f"fold is {fold}; it must be from {plan.numbers[0]} to {plan.numbers[-1]}")
    rows = apply_folds(df, plan, _FOLD)
    train, test = fold_sides(rows, plan, fold, _FOLD)
    return rows.where(train).drop(_FOLD), rows.where(test).drop(_FOLD)


def fold_sides(df: DataFrame, plan: FoldPlan, fold: int, column: str = "fold") -> tuple[Column, Column]:
    """Return whether a row with the column of `apply_folds` trains, and whether it tests, the model of one fold."""
    train = F.col(column) != fold
    if plan.method == "temporal":
        begins = plan.cuts[ALL_ROWS][fold - 1].below
        train = (F.col(column) < fold) & (time_position(df, plan.time or "", plan.origin) <= begins - plan.gap)
    return train, F.col(column) == fold


def check_folds(folds: int) -> None:
    """Raise `InputError` for an invalid number of folds."""
    if not 2 <= folds <= MOST_FOLDS:
        raise InputError(f"folds is {folds:,}; it must be from 2 to {MOST_FOLDS:,}")


def _even(counts: Mapping[str, int], folds: int) -> dict[str, dict[str, int]]:
    """Return the requested rows of each class in each fold.

    Examples
    --------
    >>> _even({"a": 5, "b": 3}, 2)
    {'0': {'a': 3, 'b': 1}, '1': {'a': 2, 'b': 2}}
    """
    check_folds(folds)
    wanted: dict[str, dict[str, int]] = {str(f): dict.fromkeys(counts, 0) for f in range(folds)}
    start = 0
    for name in sorted(counts):
        each, over = divmod(counts[name], folds)
        for f in range(folds):
            wanted[str(f)][name] = each + ((f - start) % folds < over)
        start = (start + over) % folds
    return wanted

"""Stratified splits by exact hash thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate

from pyspark.sql import DataFrame

from steelyard.columns import check_names, class_code
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.hashing import Ties, cuts
from steelyard.splitting._plan import NAMES, AnyDivision, SplitPlan, deviations, hash_position, wanted_sides


def stratified_split(
    df: DataFrame, dataset: Dataset, counts: Mapping[str, int], *, validation: float, test: float, seed: int = 0
) -> SplitPlan:
    """Plan a split in which every class is divided by the same shares, exactly.

    The rows of a class are ordered by a hash of their identity; the first become test, the next validation, the
    rest training. Costs one narrow scan, two where rows without a key repeat.

    Without a key the counts are exact. Equal rows stay together, which protects against leaks, with two exceptions: a
    heavy group of equal rows (more than 10 and more than a thousandth of its class) is divided in proportion, and at
    most one more group per class and cut is divided where it is on the boundary.

    With a key, rows of one key and class stay together and the deviation is reported. Where a key has rows of several
    classes it is a group: `grouped_split` keeps it whole.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    counts : mapping of str to int
        Rows of each class.
    validation, test : float
        Shares of each class, rounded half up, test first.
    seed : int, default 0

    Raises
    ------
    InputError
        If a class would have no row in one of the splits.

    Examples
    --------
    >>> from steelyard.splitting import SPLIT, apply_split
    >>> plan = stratified_split(df, dataset, {"0": 990, "1": 10}, validation=0.1, test=0.2)
    >>> apply_split(df, plan).where(F.col(SPLIT) == "test").groupBy("is_fraud").count().orderBy("is_fraud").collect()
    [Row(is_fraud=0, count=198), Row(is_fraud=1, count=2)]
    """
    check_names(df.columns)
    wanted = wanted_sides(counts, validation, test)
    for name in counts:
        empty = [split for split in NAMES if wanted[split][name] == 0]
        if empty:
            raise InputError(
                f"class {name!r} has {counts[name]:,} rows, too few for shares {validation} and {test}: "
                f"{' and '.join(empty)} would have none of it"
            )
    plan = SplitPlan("stratified", dataset.label, seed, identity=dataset.identity)
    plan = divide_classes(df, plan, dataset, counts, wanted)
    achieved, missed = ({s: of[s] for s in NAMES if s in of} for of in (plan.counts, plan.deviations))
    return replace(plan, counts=achieved, deviations=missed)


def divide_classes(
    df: DataFrame,
    plan: AnyDivision,
    dataset: Dataset,
    counts: Mapping[str, int],
    wanted: Mapping[str, Mapping[str, int]],
) -> AnyDivision:
    """Return `plan` with the cuts that give each side, in their order, the wanted rows of each class."""
    quotas = {c: list(accumulate(of[c] for of in wanted.values()))[:-1] for c in counts}
    ties: Ties = "whole" if dataset.key else "proportional"  # rows of one key stay together
    label = class_code(df, dataset.label, quotas)
    found = cuts(df, hash_position(df, plan), label, quotas, ties=ties, sizes=counts)
    ends = {c: [0, *(cut.count for cut in found[c]), counts[c]] for c in counts}
    achieved = {side: {c: ends[c][i + 1] - ends[c][i] for c in counts} for i, side in enumerate(wanted)}
    return replace(plan, cuts=found, counts=achieved, deviations=deviations(achieved, wanted))

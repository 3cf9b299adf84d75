"""Splits with whole groups, by exact hash thresholds over groups and a bounded number of placed groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate

import numpy as np
from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as F

from steelyard.columns import check_names, class_text, col, dtype, internal
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.frames.caching import cached
from steelyard.hashing import Cut, cuts, with_side
from steelyard.kernels.allocate import largest_remainder, place_groups
from steelyard.kernels.arrays import Counts
from steelyard.splitting._plan import (
    ALL_ROWS,
    GROUP_HASH,
    NAMES,
    AnyDivision,
    Division,
    SplitPlan,
    deviations,
    hash_in,
    hash_position,
    labelled,
    wanted_sides,
)

_PLACED = 1000  # groups that are placed one by one; the plan contains their hashes
_SIDE = internal("side")


def grouped_split(
    df: DataFrame, dataset: Dataset, counts: Mapping[str, int], *, validation: float, test: float, seed: int = 0
) -> SplitPlan:
    """Plan a split with whole groups and nearly the requested rows of each class in every part.

    The wanted counts are those of `stratified_split`: shares of the *rows* of each class. Most groups are divided
    by two thresholds on the hash of the group. What this leaves uneven is made up for by at most 1,000 groups that
    are placed one by one (two for each class, where there are more than 250 classes): within each stratum (rarest
    class in the group) those with the largest shares of a class, and as many by hash, which are of all sizes. They
    are placed as scikit-learn's `StratifiedGroupKFold` does, and their hashes are part of the plan. So a row's split
    follows from its group and the plan alone: applying it joins and shuffles nothing.

    Costs four narrow scans, over group and label, and one shuffle: of the class counts of each group, which are
    cached meanwhile. Applying the plan is a column expression.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
        Its `group` is the column whose rows stay together.
    counts : mapping of str to int
        Rows of each class.
    validation, test : float
        Shares of each class, rounded half up, test first.
    seed : int, default 0
        With up to 1,000 groups, all may be placed one by one, by their rows; the seed then decides among equal ones
        alone.

    Returns
    -------
    SplitPlan
        Its `deviations` are where whole groups miss the wanted counts.

    Raises
    ------
    InputError
        If no group column is given, if it is null in some rows, and if a class has no row in one of the splits.

    Examples
    --------
    >>> from steelyard.splitting import SPLIT, apply_split
    >>> data = Dataset("is_fraud", features=("amount",), group="customer")
    >>> plan = grouped_split(df, data, {"0": 990, "1": 10}, validation=0.1, test=0.2)
    >>> customers = apply_split(df, plan).groupBy("customer").agg(F.count_distinct(SPLIT).alias("splits"))
    >>> customers.where("splits > 1").count()
    0
    """
    wanted = wanted_sides(counts, validation, test)
    plan = divide_groups(df, SplitPlan("group", dataset.label, seed), dataset, wanted)
    return replace(plan, counts={s: plan.counts[s] for s in NAMES})


def divide_groups(
    df: DataFrame, plan: AnyDivision, dataset: Dataset, wanted: Mapping[str, Mapping[str, int]]
) -> AnyDivision:
    """Return `plan` with the cuts and placed groups that nearly give each side, in their order, the wanted rows."""
    check_names(df.columns)
    group = _checked_group(df, dataset)
    plan = replace(plan, identity=(group,))
    classes = sorted(next(iter(wanted.values())))
    target = np.array([[of[c] for c in classes] for of in wanted.values()], dtype=np.int64)
    hashed = df.select(
        hash_position(df, plan).alias(GROUP_HASH),
        labelled(df, plan.label, group).alias("stratum"),
        class_text(df, plan.label).alias("class"),
    ).where("stratum is not null")
    counted = [F.count_if(F.col("class") == c).alias(_count_of(i)) for i, c in enumerate(classes)]
    with cached(hashed.groupBy(GROUP_HASH).agg(*counted)) as groups:
        hashes, rows = _candidates(groups, target.sum(axis=0))
        first = place_groups(rows, target, np.zeros_like(target))
        rest = ~hash_in(hashes)
        quotas = _quotas(target, rows, first)
        found = cuts(hashed.where(rest), F.col(GROUP_HASH), F.col("stratum"), {ALL_ROWS: quotas}, ties="whole")
        light = _light_counts(groups.where(rest), found, target.shape)
    # Place them again, now that the unevenness of the cuts is known.
    sides = place_groups(rows, target, light)
    held = light.copy()
    np.add.at(held, sides, rows)
    names = dict(zip(wanted, held.tolist(), strict=True))
    achieved = {s: dict(zip(classes, of, strict=True)) for s, of in names.items()}
    _refuse_empty(df, plan, group, achieved)
    placed = tuple(tuple(h for h, at in zip(hashes, sides, strict=True) if at == s) for s in range(len(wanted)))
    return replace(plan, cuts=found, placed=placed, counts=achieved, deviations=deviations(achieved, wanted))


def _checked_group(df: DataFrame, dataset: Dataset) -> str:
    if dataset.group is None:
        raise InputError("a grouped split needs a group column")
    dtype(df, dataset.group, "group column")
    null, with_label = col(dataset.group).isNull(), class_text(df, dataset.label).isNotNull()
    nulls = df.select(F.count_if(null & with_label)).collect()[0][0]
    if nulls:
        raise InputError(
            f"group column {dataset.group!r} is null in {nulls:,} rows, so that it is unknown which rows belong to "
            "them; leave these rows out, or give each a group of its own (such as its key)"
        )
    return dataset.group


def _count_of(i: int) -> str:
    return f"n_{i}"


def _candidates(groups: DataFrame, totals: Counts) -> tuple[list[int], Counts]:
    """Return hashes and class counts of the groups to be placed one by one, in the order of the hash."""
    n = [F.col(_count_of(i)) for i in range(len(totals))]
    rarest = F.coalesce(*(F.when(n[i] > 0, F.lit(int(i))) for i in np.argsort(totals, kind="stable")))
    largest_share = F.array_max(F.array(*(n[i] / F.lit(int(max(t, 1))) for i, t in enumerate(totals))))
    described = groups.withColumns({"rarest": rarest, "share": largest_share})
    most = max(_PLACED // 2 // len(totals), 1)
    heaviest = _first(described, most, F.desc("share"), F.asc(GROUP_HASH))
    chosen = {r[GROUP_HASH]: r for r in [*heaviest, *_first(described, most, F.asc(GROUP_HASH))]}
    hashes = sorted(chosen)
    rows = [[chosen[h][_count_of(i)] for i in range(len(totals))] for h in hashes]
    return hashes, np.array(rows, dtype=np.int64).reshape(len(hashes), len(totals))


def _first(groups: DataFrame, most: int, *order: Column) -> list[Row]:
    """Return the first groups of each stratum."""
    ranked = groups.withColumn("rank", F.row_number().over(Window.partitionBy("rarest").orderBy(*order)))
    return ranked.where(F.col("rank") <= most).collect()


def _quotas(target: Counts, rows: Counts, sides: Counts) -> list[int]:
    """Return the rows of the other groups to put below each cut, given the options of the placed ones."""
    room = target.sum(axis=1)
    np.subtract.at(room, sides, rows.sum(axis=1))
    parts = largest_remainder(np.maximum(room, 0).tolist(), int(target.sum() - rows.sum()))
    return list(accumulate(parts[:-1]))


def _light_counts(groups: DataFrame, found: Mapping[str, list[Cut]], shape: tuple[int, ...]) -> Counts:
    """Return the rows of each class that the cuts put on each side."""
    sums = [F.sum(_count_of(i)).alias(_count_of(i)) for i in range(shape[1])]
    sided = with_side(groups, F.col(GROUP_HASH), F.lit(0), found, _SIDE)
    counts = np.zeros(shape, dtype=np.int64)
    for row in sided.groupBy(_SIDE).agg(*sums).collect():
        counts[row[_SIDE]] = [row[_count_of(i)] for i in range(shape[1])]
    return counts


def _refuse_empty(df: DataFrame, plan: Division, group: str, achieved: Mapping[str, Mapping[str, int]]) -> None:
    for side, of in achieved.items():
        for name, n in of.items():
            if n == 0:
                groups = df.where(class_text(df, plan.label) == name).agg(F.count_distinct(col(group))).collect()[0][0]
                raise InputError(
                    f"class {name!r} occurs in {groups:,} groups of column {group!r}, too few or too unequal for "
                    f"{len(achieved)} parts: {side} would have none of it"
                )

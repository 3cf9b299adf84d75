"""Temporal splits: train on the past, test on the future."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import check_names, class_text, col, combined, dtype, internal
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.hashing import Cut, cuts, with_side
from steelyard.splitting._plan import ALL_ROWS, SplitPlan, deviations, labelled, time_position, wanted_counts

_MICROSECOND = timedelta(microseconds=1)
_SIDE = internal("side")


def temporal_split(
    df: DataFrame,
    dataset: Dataset,
    counts: Mapping[str, int],
    *,
    validation: float,
    test: float,
    gap: timedelta = timedelta(0),
) -> SplitPlan:
    """Plan a temporal split: train on the oldest rows, test on the newest.

    Rows of one time stay together, so the shares hold to within the rows of one time; the deviation is reported. No
    split is empty if there are three times. Costs four narrow scans over time and label, five with a gap; a few more
    where times are so few that cuts fall together.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
        Its `time` orders the rows.
    counts : mapping of str to int
        Rows of each class.
    validation, test : float
        Shares of all rows, rounded half up, test first.
    gap : timedelta, default 0
        Training rows less than this before the first validation row, and validation rows less than this before
        the first test row, are left out, since their labels weren't yet known at the cut.

    Raises
    ------
    InputError
        For null times, and for a split in which the rarest or the positive class has no row.
    """
    time, origin, bits = checked_time(df, dataset)
    wanted = wanted_counts(sum(counts.values()), validation, test)
    position, stratum = time_position(df, time, origin), labelled(df, dataset.label)
    edges = _edges(df, position, stratum, wanted, bits, in_units(df, time, gap))
    by_side, times = _count(df, position, stratum, edges, dataset)
    sides = [sum(of.values()) for of in by_side]
    plan_cuts = [Cut(edge, sum(sides[: i + 1])) for i, edge in enumerate(edges)]
    achieved = {"train": by_side[0], "validation": by_side[2], "test": by_side[4]}
    _refuse_empty(achieved, counts, dataset.positive)
    left_out = {c: by_side[1].get(c, 0) + by_side[3].get(c, 0) for c in counts}
    shown = {s: {c: of.get(c, 0) for c in counts} for s, of in achieved.items()}
    sizes = {s: {"rows": sum(of.values())} for s, of in achieved.items()}
    return SplitPlan(
        "temporal",
        dataset.label,
        0,
        time=time,
        origin=origin,
        cuts={ALL_ROWS: plan_cuts},
        counts={**shown, "left_out": left_out} if any(left_out.values()) else shown,
        deviations=deviations(sizes, {s: {"rows": n} for s, n in wanted.items()}),
        times={"train": times[0], "validation": times[2], "test": times[4]},
    )


def _edges(
    df: DataFrame, position: Column, stratum: Column, wanted: Mapping[str, int], bits: int, gap: int
) -> list[int]:
    """Return the times at which training, its gap, validation and its gap end."""
    ends = [wanted["train"], wanted["train"] + wanted["validation"]]
    found = cuts(df, position, stratum, {ALL_ROWS: ends}, ties="whole", bits=bits)[ALL_ROWS]
    to_validation, to_test = cuts_apart(df, position, stratum, found, ends, sum(wanted.values()))
    # A row exactly a gap before is not in it.
    train_end, validation_end = (
        max(first - gap + bool(gap), 0) for first in _firsts(df, position, (to_validation, to_test), gap)
    )
    return [train_end, to_validation.below, max(validation_end, to_validation.below), to_test.below]


def checked_time(df: DataFrame, dataset: Dataset) -> tuple[str, int, int]:
    """Return the time column, the earliest time, and the bits of the distance to the latest. Refuse null times."""
    check_names(df.columns)
    if dataset.time is None:
        raise InputError("a temporal split needs a time column")
    position = time_position(df, dataset.time, 0)
    value = col(dataset.time)
    odd = position.isNull() & value.isNotNull()
    ends = [F.min(position), F.max(position), F.count_if(value.isNull())]
    example = F.min(F.when(odd, value.cast("string")))
    low, high, nulls, strange, such = df.select(*ends, F.count_if(odd), example).collect()[0]
    if nulls:
        raise InputError(f"time column {dataset.time!r} is null in {nulls:,} rows; a temporal split cannot place them")
    if strange:
        raise InputError(
            f"time column {dataset.time!r} holds no time in {strange:,} rows, such as {such!r}: text must be like "
            "2024-01-31 or 2024-01-31T12:30:00 (ISO 8601), numbers finite and within ±3e18"
        )
    if (high or 0) - (low or 0) >= 1 << 63:
        raise InputError(
            f"time column {dataset.time!r} holds numbers from {low:,} to {high:,}, too far apart for times"
        )
    return dataset.time, low or 0, max(((high or 0) - (low or 0)).bit_length(), 1)


def in_units(df: DataFrame, time: str, gap: timedelta) -> int:
    """Return a gap in the units of a time column's positions."""
    if gap and isinstance(dtype(df, time), T.NumericType):
        raise InputError(f"split.gap needs a timestamp or a date, but {time!r} is a number, whose unit is unknown")
    return gap // _MICROSECOND


def cuts_apart(
    df: DataFrame, position: Column, stratum: Column, at: Sequence[Cut], ends: Sequence[int], total: int
) -> list[Cut]:
    """Return cuts with rows before, between and after them, as near to the wanted counts as times allow.

    These are the given cuts unless some fall together, because many rows share a time; then others between the times
    nearest to them. Where there are too few times, the given cuts are returned.
    """
    counts = [0, *(cut.count for cut in at), total]
    if all(a < b for a, b in pairwise(counts)):
        return list(at)
    # By the last cut of a choice: what it misses in all, and the choice.
    best: list[tuple[int, list[Cut]]] = [(0, [Cut(0, 0)])]
    for cuts_near, end in zip(_near(df, position, stratum, at), ends, strict=True):
        known, best = best, []
        for cut in cuts_near:
            before = [(missed, chosen) for missed, chosen in known if chosen[-1].count < cut.count < total]
            if before:
                missed, chosen = min(before, key=lambda choice: choice[0])
                best.append((missed + abs(cut.count - end), [*chosen, cut]))
    return min(best, key=lambda choice: choice[0])[1][1:] if best else list(at)


def _near(df: DataFrame, position: Column, stratum: Column, at: Sequence[Cut]) -> list[list[Cut]]:
    """Return all cuts between times around each cut: as many on either side as there are cuts, and one more."""
    n = len(at) + 1
    times = df.where(stratum.isNotNull()).groupBy(position.alias("time")).count()
    place = F.col("time")
    parts = []
    for i, cut in enumerate(at):
        edge = F.lit(min(cut.below, 2**63 - 1))
        sides = times.where(place < edge).orderBy(place.desc()), times.where(place >= edge).orderBy(place)
        parts += [side.limit(n).withColumn("cut", F.lit(i)) for side in sides]
    found = combined(DataFrame.unionByName, parts).collect()
    result = []
    for i, cut in enumerate(at):
        around = sorted((r["time"], r["count"]) for r in found if r["cut"] == i)
        below = cut.count - sum(rows for time, rows in around if time < cut.below)
        result.append([Cut(around[0][0], below)] if around else [])
        for time, rows in around:
            below += rows
            result[-1].append(Cut(time + 1, below))
    return result


def _firsts(df: DataFrame, position: Column, at: Sequence[Cut], width: int) -> list[int]:
    """Return the first time at or after each cut: a cut may lie anywhere between two times, a gap ends at a row."""
    if not width:
        return [cut.below for cut in at]
    after = [F.min(F.when(position >= F.lit(min(cut.below, 2**63 - 1)), position)) for cut in at]
    found = df.select(*after).collect()[0]
    return [cut.below if first is None else first for cut, first in zip(at, found, strict=True)]


def _count(
    df: DataFrame, position: Column, stratum: Column, edges: list[int], dataset: Dataset
) -> tuple[list[dict[str, int]], list[tuple[str, ...]]]:
    """Count the rows of each class between the edges, and return the first and the last time there as text."""
    sided = with_side(df, position, stratum, {ALL_ROWS: [Cut(e, 0) for e in edges]}, _SIDE)
    time, name = col(dataset.time or ""), class_text(df, dataset.label).alias("class")
    here = F.struct(position, time.cast("string").alias("text"))
    texts = [F.min(here).alias("first"), F.max(here).alias("last")]
    rows = sided.groupBy(_SIDE, name).agg(F.count(F.lit(1)).alias("rows"), *texts).where("class is not null").collect()
    counted: list[dict[str, int]] = [{} for _ in range(len(edges) + 1)]
    for row in rows:
        counted[row[_SIDE]][row["class"]] = row["rows"]
    within = [[r for r in rows if r[_SIDE] == side] for side in range(len(counted))]
    times: list[tuple[str, ...]] = [
        (min(r["first"] for r in of)[1], max(r["last"] for r in of)[1]) if of else () for of in within
    ]
    return counted, times


def rarest_class(counts: Mapping[str, int]) -> str:
    """Return the class with the fewest rows."""
    return min(counts, key=lambda c: counts[c])


def _refuse_empty(achieved: Mapping[str, Mapping[str, int]], counts: Mapping[str, int], positive: str | None) -> None:
    needed = dict.fromkeys([rarest_class(counts), *([positive] if positive is not None else [])])
    for split, of in achieved.items():
        absent = next((c for c in needed if of.get(c, 0) == 0), None)
        if absent is not None:
            raise InputError(
                f"the {split} window has no row of class {absent!r} ({sum(of.values()):,} rows in all); "
                "take a larger share, or a table over a longer time"
            )

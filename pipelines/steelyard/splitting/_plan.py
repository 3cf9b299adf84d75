"""The plan of a split, and its application to the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from operator import or_
from typing import Any, ClassVar, Self, TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import check_names, class_code, class_text, col, combined, dtype, internal, of_class
from steelyard.errors import InputError
from steelyard.hashing import ENCODING_VERSION, Cut, divided_groups, row_hash, with_side

SPLIT = internal("split")
NAMES = ("train", "validation", "test")
_SIDES = ("test", "validation", "train")  # in the order of the hash
_SIDE = internal("split_side")
GROUP_HASH = internal("group_hash")
ALL_ROWS = "all"


@dataclass(frozen=True)
class Division:
    """A division of rows into numbered sides, as a few numbers; base of `SplitPlan` and `FoldPlan`.

    Parameters
    ----------
    method : {"stratified", "group", "temporal"}
    label : str
    seed : int
    identity : tuple of str
        Columns whose hash orders the rows: what identifies a row (stratified), or the group.
    time : str, optional
        Column that orders the rows (temporal).
    cuts : mapping of str to list of Cut
        For each class, or under "all" for all of them, where the sides end in the order of the hash or of time.
    placed : tuple of tuples of int
        Grouped: for each side, the hashes of groups that are placed there regardless of the cuts; bounded in number.
    counts : mapping
        Split or fold → class → rows.
    deviations : mapping
        Split or fold → class → rows more (or, negative, fewer) than asked for, where a key, a group or a time that
        stays whole is on the boundary.
    origin : int
        Temporal: the time in microseconds that positions count from.
    times : mapping of str to sequence of str
        Temporal: the first and the last time of each split, as text.
    torn_keys : int
        Keys on more than one side, where they were counted (`count_torn_keys`).
    """

    purpose: ClassVar[str]

    method: str
    label: str
    seed: int
    identity: tuple[str, ...] = ()
    time: str | None = None
    cuts: Mapping[str, list[Cut]] = field(default_factory=dict)
    placed: tuple[tuple[int, ...], ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    deviations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    origin: int = 0
    torn_keys: int = 0
    times: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return a table: the rows of each class on each side."""
        classes = list(dict.fromkeys(c for of in self.counts.values() for c in of))
        rows = [["", *(f"class {c}" for c in classes)]]
        rows += [[side, *(f"{of.get(c, 0):,}" for c in classes)] for side, of in self.counts.items()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            row[0].ljust(widths[0]) + "".join(f"  {v:>{w}}" for v, w in zip(row[1:], widths[1:], strict=True))
            for row in rows
        ]
        by = f" by {self.time}" if self.time else f" by {', '.join(self.identity)}" if self.identity else ""
        return "\n".join([f"{self.method} {self.purpose} of {self.label}{by}, seed {self.seed}", *lines])

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; thresholds and hashes are decimal strings."""
        return {
            "method": self.method,
            "label": self.label,
            "seed": self.seed,
            "encoding": ENCODING_VERSION,
            "identity": list(self.identity),
            "time": self.time,
            "origin": str(self.origin),
            "cuts": {s: [c.to_json() for c in cuts] for s, cuts in self.cuts.items()},
            "placed": [[str(h) for h in hashes] for hashes in self.placed],
            "counts": self.counts,
            "deviations": self.deviations,
            "torn_keys": self.torn_keys,
            "times": {s: list(ends) for s, ends in self.times.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Return the plan of a document made by `to_json`.

        Raises
        ------
        InputError
            If another version of the row encoding made it.
        """
        values = dict(document)
        if values.pop("encoding") != ENCODING_VERSION:
            raise InputError("the split was planned with another encoding of rows; run the pipeline again from split")
        cuts = {s: [Cut.from_json(c) for c in cuts] for s, cuts in values.pop("cuts").items()}
        placed = tuple(tuple(map(int, hashes)) for hashes in values.pop("placed"))
        identity, origin = tuple(values.pop("identity")), int(values.pop("origin"))
        return cls(**values, cuts=cuts, placed=placed, identity=identity, origin=origin)


@dataclass(frozen=True, repr=False)
class SplitPlan(Division):
    """A plan of training, validation and test rows; made by `stratified_split`, `grouped_split` or `temporal_split`.

    The sides are test, validation and training, in this order; those of a temporal split are training, a gap,
    validation, a second gap and test.
    """

    purpose: ClassVar[str] = "split"


AnyDivision = TypeVar("AnyDivision", bound=Division)


def wanted_counts(total: int, validation: float, test: float) -> dict[str, int]:
    """Return the number of rows in each part of `total`: shares rounded half up, test first.

    Examples
    --------
    >>> wanted_counts(493, validation=0.1, test=0.2)
    {'train': 345, 'validation': 49, 'test': 99}
    """
    wanted_test = min(_half_up(total, test), total)
    wanted_validation = min(_half_up(total, validation), total - wanted_test)
    return {"train": total - wanted_test - wanted_validation, "validation": wanted_validation, "test": wanted_test}


def wanted_sides(counts: Mapping[str, int], validation: float, test: float) -> dict[str, dict[str, int]]:
    """Return the requested rows of each class on each side of a split, in the order of its sides."""
    wanted = {c: wanted_counts(n, validation, test) for c, n in counts.items()}
    return {side: {c: of[side] for c, of in wanted.items()} for side in _SIDES}


def _half_up(total: int, share: float) -> int:
    return int((total * Decimal(str(share))).quantize(Decimal(1), ROUND_HALF_UP))


def deviations(
    achieved: Mapping[str, Mapping[str, int]], wanted: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """Return achieved minus requested counts, where they differ."""
    off = {s: {c: n - wanted[s][c] for c, n in of.items() if n != wanted[s][c]} for s, of in achieved.items()}
    return {s: of for s, of in off.items() if of}


def apply_split(df: DataFrame, plan: SplitPlan) -> DataFrame:
    """Add the string column `SPLIT`: train, validation or test; null for rows left out (null label, gap).

    A column expression: no shuffle, no copy, unless equal rows without a key are divided; then those rows alone
    pass through a window.
    """
    names: tuple[str | None, ...] = _SIDES
    if plan.method == "temporal":
        names = ("train", None, "validation", None, "test")
    named = F.lit(None).cast("string")
    for i, name in enumerate(names):
        named = F.when(F.col(_SIDE) == i, F.lit(name)).otherwise(named)
    return divided(df, plan, _SIDE).withColumn(SPLIT, named).drop(_SIDE)


def divided(df: DataFrame, plan: Division, column: str) -> DataFrame:
    """Add the number of each row's side as an int column; null for rows without a label (or without a group)."""
    check_names(df.columns)
    if plan.method == "temporal":
        position = time_position(df, plan.time or "", plan.origin)
        return with_side(df, position, labelled(df, plan.label), plan.cuts, column)
    position = hash_position(df, plan)
    if plan.method == "stratified":
        return with_side(df, position, class_code(df, plan.label, plan.cuts), plan.cuts, column)
    rows = df.withColumn(GROUP_HASH, position)
    sided = with_side(rows, F.col(GROUP_HASH), labelled(df, plan.label, *plan.identity), plan.cuts, column)
    return sided.withColumn(column, _placed_or(F.col(column), plan.placed)).drop(GROUP_HASH)


def count_torn_keys(df: DataFrame, plan: Division, key: Sequence[str]) -> int:
    """Return how many keys have rows on more than one side.

    A stratified division has them where a key has rows of several classes, since each class has cuts of its own: only
    keys between the cuts of two classes are looked at. Costs one narrow scan and a shuffle of the rows found.

    Parameters
    ----------
    df : DataFrame
    plan : SplitPlan or FoldPlan
    key : sequence of str
        Columns of the key.
    """
    if not key or plan.method == "group":
        return 0
    sided = divided(df, plan, _SIDE)
    if plan.method == "stratified":
        position = hash_position(df, plan)
        edges = zip(*([c.below for c in of] for of in plan.cuts.values()), strict=True)
        between = [(position >= min(e)) & (position <= max(e) - 1) for e in edges if min(e) < max(e)]
        sided = sided.where(combined(or_, [F.lit(False), *between]))
    elif plan.purpose == "split":
        sided = sided.where(F.col(_SIDE) % 2 == 0)  # the others are gaps
    sides = sided.where(F.col(_SIDE).isNotNull()).groupBy(*map(col, key))
    return sides.agg(F.min(_SIDE).alias("low"), F.max(_SIDE).alias("high")).where("low < high").count()


def in_divided_group(df: DataFrame, plan: Division) -> Column:
    """Return whether a row is in a group of equal rows that the plan divides. A pure column expression."""
    if plan.method != "stratified":
        return F.lit(False)
    positions: dict[str, list[int]] = {}
    for s, p in divided_groups(plan.cuts):
        positions.setdefault(s, []).append(p)
    if not positions:
        return F.lit(False)
    here = of_class(df, plan.label, positions, "array<bigint>")
    return F.coalesce(F.array_contains(here, hash_position(df, plan)), F.lit(False))


def _placed_or(side: Column, placed: Sequence[Sequence[int]]) -> Column:
    """Return the side where a group is placed, else `side`; null stays null."""
    there = [F.when(side.isNotNull() & hash_in(hashes), F.lit(i)) for i, hashes in enumerate(placed) if hashes]
    return F.coalesce(*there, side)


def hash_in(hashes: Iterable[int]) -> Column:
    """Whether `GROUP_HASH` is one of some hashes."""
    # One text for the parser: literals would be a call to the JVM each.
    listed = ",".join(map(str, hashes))
    return F.expr(f"{GROUP_HASH} in ({listed})") if listed else F.lit(False)


def hash_position(df: DataFrame, plan: Division) -> Column:
    """Return a row's place in the random order of the split."""
    return row_hash(df, plan.identity, plan.seed, plan.purpose)


def labelled(df: DataFrame, label: str, *needed: str) -> Column:
    """Return one stratum for all rows that have a label (and the columns `needed`), null for the others."""
    present = class_text(df, label).isNotNull()
    for name in needed:
        present &= col(name).isNotNull()
    return F.when(present, F.lit(0))


def time_position(df: DataFrame, name: str, origin: int) -> Column:
    """Return a time as a non-negative whole number: microseconds (or units, for whole numbers) since `origin`.

    Text is read as ISO 8601, in the session's time zone unless it names one. Numbers with a fraction count in
    millionths. Null if a text or number is not a time.

    Raises
    ------
    InputError
        If the column is not a time, date, text or number.
    """
    kind = dtype(df, name, "time column")
    value = col(name)
    if isinstance(kind, T.TimestampType | T.DateType):
        value = F.unix_micros(value.cast("timestamp"))
    elif isinstance(kind, T.TimestampNTZType):
        # Wall-clock times are ordered as if they were UTC, whatever the session's time zone.
        value = F.unix_micros(F.concat(value.cast("string"), F.lit("Z")).cast("timestamp"))
    elif isinstance(kind, T.StringType):
        value = F.unix_micros(F.trim(value).try_cast("timestamp"))
    elif isinstance(kind, T.DoubleType | T.FloatType | T.DecimalType):
        value = _millionths(value.cast("double"))
    elif not isinstance(kind, T.IntegralType):
        raise InputError(
            f"time column {name!r} is of type {kind.simpleString()}; it must be a timestamp, a date, ISO text or a "
            "number"
        )
    return value.cast("bigint") - F.lit(origin).cast("bigint")


def _millionths(value: Column) -> Column:
    """Return a number in millionths as a bigint in the same order; beyond ±1e12 in units, up to ±3e18."""
    beyond = value + F.signum(value) * (1e18 - 1e12)
    scaled = F.when(F.abs(value) <= 1e12, value * 1e6).when(F.abs(value) <= 3e18, beyond)
    return F.floor(scaled).try_cast("bigint")

"""The plan of a split, and its application to the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.errors import InputError
from steelyard.hashing import ENCODING_VERSION, Cut, row_hash, with_side

SPLIT = "__split"
NAMES = ("train", "validation", "test")
_PURPOSE = "split"
_SIDE = "__split_side"
ALL_ROWS = "all"


@dataclass(frozen=True)
class SplitPlan:
    """How rows are divided, in a few numbers.

    Parameters
    ----------
    method : {"stratified", "temporal"}
    label : str
    seed : int
    identity : tuple of str
        Columns whose hash orders the rows (stratified).
    time : str, optional
        Column that orders the rows (temporal).
    cuts : mapping of str to list of Cut
        For each class, where test ends and where validation ends in the order of the hash; for a temporal
        split, under "all", the ends of training, of the gap, of validation and of the second gap in time.
    counts : mapping
        Split → class → rows.
    deviations : mapping
        Split → class → rows more (or, negative, fewer) than asked for, where a key lies on the boundary.
    origin : int
        Temporal: the time in microseconds that positions count from.
    """

    method: str
    label: str
    seed: int
    identity: tuple[str, ...] = ()
    time: str | None = None
    cuts: Mapping[str, list[Cut]] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    deviations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    origin: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; thresholds are decimal strings."""
        return {
            "method": self.method,
            "label": self.label,
            "seed": self.seed,
            "encoding": ENCODING_VERSION,
            "identity": list(self.identity),
            "time": self.time,
            "origin": str(self.origin),
            "cuts": {s: [c.to_json() for c in cuts] for s, cuts in self.cuts.items()},
            "counts": self.counts,
            "deviations": self.deviations,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SplitPlan:
        """Rebuild what `to_json` gave.

        Raises
        ------
        InputError
            If another version of the row encoding made it.
        """
        values = dict(document)
        if values.pop("encoding") != ENCODING_VERSION:
            raise InputError("the split was planned with another encoding of rows; run the pipeline anew from split")
        cuts = {s: [Cut.from_json(c) for c in cuts] for s, cuts in values.pop("cuts").items()}
        identity, origin = tuple(values.pop("identity")), int(values.pop("origin"))
        return cls(**values, cuts=cuts, identity=identity, origin=origin)


def wanted_counts(total: int, validation: float, test: float) -> dict[str, int]:
    """Return how many of `total` rows go where: shares rounded half up, test first.

    Examples
    --------
    >>> wanted_counts(493, validation=0.1, test=0.2)
    {'train': 345, 'validation': 49, 'test': 99}
    """
    wanted_test = min(_half_up(total, test), total)
    wanted_validation = min(_half_up(total, validation), total - wanted_test)
    return {"train": total - wanted_test - wanted_validation, "validation": wanted_validation, "test": wanted_test}


def _half_up(total: int, share: float) -> int:
    return int((total * Decimal(str(share))).quantize(Decimal(1), ROUND_HALF_UP))


def apply_split(df: DataFrame, plan: SplitPlan) -> DataFrame:
    """Add the string column `__split`: train, validation or test; null for rows left out (null label, gap).

    A column expression: no shuffle, no copy, unless equal rows without a key are divided; then those rows alone
    pass through a window.
    """
    if plan.method == "temporal":
        names: tuple[str | None, ...] = ("train", None, "validation", None, "test")
        position, stratum = time_position(df, plan.time or "", plan.origin), labelled(df, plan.label)
    else:
        names = ("test", "validation", "train")
        position, stratum = hash_position(df, plan), class_text(df, plan.label)
    sided = with_side(df, position, stratum, plan.cuts, _SIDE)
    named = F.lit(None).cast("string")
    for i, name in enumerate(names):
        named = F.when(F.col(_SIDE) == i, F.lit(name)).otherwise(named)
    return sided.withColumn(SPLIT, named).drop(_SIDE)


def hash_position(df: DataFrame, plan: SplitPlan) -> Column:
    """Return a row's place in the random order of the split."""
    return row_hash(df, plan.identity, plan.seed, _PURPOSE)


def labelled(df: DataFrame, label: str) -> Column:
    """Return one stratum for all rows that have a label, null for the others."""
    return F.when(class_text(df, label).isNotNull(), F.lit(ALL_ROWS))


def time_position(df: DataFrame, name: str, origin: int) -> Column:
    """Return a time as a non-negative whole number: microseconds (or units, for numbers) since `origin`.

    Raises
    ------
    InputError
        If the column is no time, date or whole number.
    """
    kind = dtype(df, name, "time column")
    value = col(name)
    if isinstance(kind, T.TimestampType | T.DateType):
        value = F.unix_micros(value.cast("timestamp"))
    elif isinstance(kind, T.TimestampNTZType):
        # Wall-clock times are ordered as if they were UTC, whatever the session's time zone.
        value = F.unix_micros(F.concat(value.cast("string"), F.lit("Z")).cast("timestamp"))
    elif not isinstance(kind, T.IntegralType):
        raise InputError(
            f"time column {name!r} is of type {kind.simpleString()}; it must be a timestamp, a date or a whole number"
        )
    return value.cast("bigint") - F.lit(origin).cast("bigint")

"""Expectations on splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.guards._judge_same import near_duplicates
from steelyard.guards._judge_splits import (
    every_row_placed,
    in_time_order,
    keys_in_one_split,
    split_shares,
    stratified,
)
from steelyard.guards._needs import CELLS, OVERLAPS, Needs, cells, parts_by_split, same_rows
from steelyard.guards._offending import in_several_parts, with_likes
from steelyard.guards._seen import Overlaps
from steelyard.guards._verdict import Verdict
from steelyard.guards.expectations._base import JudgedExpectation, LabelExpectation, Parameter

SPLITS = ["train", "validation", "test"]

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ExpectSplitSharesToBeNear(LabelExpectation):
    """Expect each split to have its share of the rows that are in a split.

    Parameters
    ----------
    shares : dict of str to float
        The requested share of each split; `remainder` gets the rest.
    remainder : str
    tolerance : float
        Tolerated difference of a share. In addition, one row per class is allowed, for rounding.
    """

    shares: dict[str, float] | Parameter
    remainder: str | Parameter = "train"
    tolerance: float | Parameter = 0.01

    split_column: str | Parameter = "split"

    template: ClassVar[str] = "$split_column must hold $shares, the rest in $remainder, with a tolerance of $tolerance."
    success_keys: ClassVar[tuple[str, ...]] = (
        "shares",
        "remainder",
        "tolerance",
        "split_column",
        "synthetic_column",
    )

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts = self._counts(metrics)
        return split_shares(self.split_column, counts, self.shares, self.remainder, self.tolerance)


class ExpectEveryRowInASplit(LabelExpectation):
    """Expect no row, or no more than a share of the rows, to be in no split.

    Parameters
    ----------
    max_share : float
    """

    max_share: float | Parameter = 0.0

    split_column: str | Parameter = "split"

    success_keys: ClassVar[tuple[str, ...]] = ("max_share", "split_column", "synthetic_column")

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        some = "$split_column may leave a share of at most $max_share of the rows in no split."
        return some if fields["max_share"] else "$split_column must put every row in a split."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return every_row_placed(self.split_column, self._counts(metrics), self.max_share)


class ExpectSplitsToBeStratified(LabelExpectation):
    """Expect every class to be divided among the splits in the same shares, exact to the row.

    The wanted counts are computed from the table: for each class, its rows that are in a split, times
    the shares, rounded half up, `test` first.

    Parameters
    ----------
    shares : dict of str to float
        The requested share of each split; `remainder` gets the rest.
    remainder : str
    tolerance : int
        By how many rows a class may differ in a split, where keys that must stay whole lie on the boundary.
    """

    shares: dict[str, float] | Parameter
    remainder: str | Parameter = "train"
    tolerance: int | Parameter = 0

    split_column: str | Parameter = "split"

    success_keys: ClassVar[tuple[str, ...]] = (
        "shares",
        "remainder",
        "tolerance",
        "split_column",
        "synthetic_column",
    )

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        exact = "give or take $tolerance rows" if fields["tolerance"] else "to the row"
        return f"$split_column must divide each class of $column by $shares, the rest to $remainder, {exact}."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return stratified(self.column, self._counts(metrics), self.shares, self.remainder, self.tolerance)


class ExpectKeysToStayInOneSplit(JudgedExpectation):
    """Expect rows that share a key, or a group, to be in the same split.

    Parameters
    ----------
    key : list of str
        The columns of the key. Null is a value like any other.
    split_column : str
        Rows where it is null don't count.
    splits : list of str
        The names of the splits.
    """

    key: list[str] | Parameter
    split_column: str | Parameter = "split"
    splits: list[str] | Parameter = SPLITS

    template: ClassVar[str] = "No value of $key may occur in more than one $split_column."
    column_fields: ClassVar[tuple[str, ...]] = ("key", "split_column")
    success_keys: ClassVar[tuple[str, ...]] = ("key", "split_column", "splits")

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind()]}}

    def _kind(self) -> Any:
        return same_rows(self.key, parts_by_split(self.split_column, self.splits))

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return keys_in_one_split(self.key, metrics[OVERLAPS].shared(self._kind()))

    def offending(self, df: DataFrame) -> DataFrame | None:
        return in_several_parts(df, self._kind())


class ExpectNoNearDuplicatesAcrossSplits(JudgedExpectation):
    """Expect no more test rows than chance gives to have the features of a training row, rounded.

    Few or coarse features repeat by chance. Where the rows found exceed `max_share`, what chance gives is estimated
    from how often thirds of the features occur (`steelyard.kernels.coincidence`). Fails if the number found exceeds the
    99 % quantile of a Poisson distribution, whose mean is `max_share` plus twice what chance gives.

    What rounds to different numbers on either side of a boundary isn't found, so that the share is a lower bound. No
    value of a row reaches the driver: rows are compared by hashes. The estimate costs two more scans of the features.

    Parameters
    ----------
    features : list of str
        Numbers, vectors and arrays are rounded; all else must be equal.
    digits : int
        How many significant digits are compared; from 16 on, all.
    max_share : float
        Of the rows of `test`, in addition to what chance gives.
    split_column, train, test : str
    """

    features: list[str] | Parameter
    digits: int | Parameter = 6
    max_share: float | Parameter = 0.0
    split_column: str | Parameter = "split"
    train: str | Parameter = "train"
    test: str | Parameter = "test"

    template: ClassVar[str] = (
        "To $digits significant digits, rows in $test may have the features of a row in $train as often as chance "
        "gives, and a share of at most $max_share in addition."
    )
    column_fields: ClassVar[tuple[str, ...]] = ("features", "split_column")
    success_keys: ClassVar[tuple[str, ...]] = ("features", "digits", "max_share", "split_column", "train", "test")

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind()]}}

    def _kind(self) -> Any:
        parts = parts_by_split(self.split_column, [self.train, self.test])
        return same_rows(self.features, parts, digits=self.digits, beyond=self.max_share)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        found: Overlaps = metrics[OVERLAPS]
        of, chance = found.of(self._kind()), found.chance(self._kind())
        return near_duplicates(of, self.train, self.test, self.digits, self.max_share, chance)

    def offending(self, df: DataFrame) -> DataFrame | None:
        return with_likes(df, self._kind(), part=1, other=0)


class ExpectSplitsInTimeOrder(JudgedExpectation):
    """Expect each split to end, by a time column, before the next begins.

    Parameters
    ----------
    column : str
        The time: a timestamp, a date, a number or ISO text.
    split_column : str
    splits : list of str
        The splits in their order; one without rows is passed over.
    gap : float, default 0
        Seconds from the end of a split to the beginning of the next, at least: labels come late. For timestamps and
        dates.
    """

    column: str
    split_column: str | Parameter = "split"
    splits: list[str] | Parameter = SPLITS
    gap: float | Parameter = 0.0

    template: ClassVar[str] = "By $column, the splits $splits must follow each other in this order."
    column_fields: ClassVar[tuple[str, ...]] = ("column", "split_column")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column")
    success_keys: ClassVar[tuple[str, ...]] = ("split_column", "splits", "gap")

    def needs(self) -> Needs:
        return cells(["time", self.column], split=self.split_column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        ranges = metrics[CELLS].times(self.column, self.split_column)
        return in_time_order(self.column, ranges, self.splits, self.gap)

"""Expectations that no row of a split is the same as a row of another split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.guards._chance import most_twins
from steelyard.guards._needs import OVERLAPS, Needs, parts_by_split, same_rows
from steelyard.guards._same_rows import rows_in_other_parts
from steelyard.guards._seen import Overlaps
from steelyard.guards._verdict import Verdict, named, number, percent, plural
from steelyard.guards.expectations._base import SPLITS, JudgedExpectation, Parameter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ExpectKeysToStayInOneSplit(JudgedExpectation):
    """Expect rows that share a key, or a group, to be in the same split.

    Parameters
    ----------
    key : list of str
        The columns of the key. Null is a value like any other.
    split_column : str
        Rows in no split (null) do not count.
    splits : list of str
        The names of the splits.
    """

    key: list[str] | Parameter
    split_column: str | Parameter = "split"
    splits: list[str] | Parameter = SPLITS

    template: ClassVar[str] = "No value of $key may occur in more than one $split_column."

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind()]}}

    def _kind(self) -> Any:
        return same_rows(self.key, parts_by_split(self.split_column, self.splits))

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        found = metrics[OVERLAPS].shared(self._kind())
        keys, rows = sum(o.values for o in found), sum(sum(o.rows.values()) for o in found)
        what = f"{'column' if len(self.key) == 1 else 'columns'} {named(self.key)}"
        message = f"no value of {what} occurs in more than one split"
        if found:
            where = ", ".join(f"{number(o.values)} in {' and '.join(o.parts)}" for o in found)
            message = (
                f"the splits share {plural(keys, 'value')} of {what} ({where}), in {plural(rows, 'row')}; expected "
                "none. If rows that share a value belong together, declare it as the group"
            )
        table = [{"splits": ", ".join(o.parts), "keys": o.values, "rows": sum(o.rows.values())} for o in found]
        return Verdict(not found, message, {"keys": keys, "rows": rows}, {"keys": 0}, table)

    def offending(self, df: DataFrame) -> DataFrame | None:
        return rows_in_other_parts(df, self._kind())


class ExpectNoNearDuplicatesAcrossSplits(JudgedExpectation):
    """Expect no more test rows than chance gives to have the features of a training row, rounded.

    Few or coarse features repeat by chance. If more than `max_share` of the test rows repeat, the number that chance
    gives is estimated from how often thirds of the features occur (`steelyard.kernels.coincidence`). Fails if the
    number exceeds the 99 % quantile of a Poisson distribution, whose mean is `max_share` plus twice what chance gives.

    Numbers that round to different values on either side of a boundary are not found, so the share is a lower bound.
    Rows are compared by hashes; no value reaches the driver. The estimate costs two more scans of the features.

    Parameters
    ----------
    features : list of str
        Numbers, vectors and arrays are rounded; other values must be equal.
    digits : int
        How many significant digits are compared; from 16 on, all.
    max_share : float
        The share of the rows of `test` that is allowed in addition to what chance gives.
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

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind()]}}

    def _kind(self) -> Any:
        parts = parts_by_split(self.split_column, [self.train, self.test])
        return same_rows(self.features, parts, digits=self.digits, beyond=self.max_share)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        found: Overlaps = metrics[OVERLAPS]
        total, twins = found.rows(self._kind(), self.test, self.train)
        chance, share = found.chance(self._kind()), twins / max(total, 1)
        most = most_twins(total, self.max_share, chance or 0.0)
        seen = f"{number(twins)} of {plural(total, 'row')} in {self.test!r} ({percent(share)})"
        by_chance = "" if chance is None else f"chance gives {_about(chance * total)}; "
        message = (
            f"to {self.digits} significant digits, {seen} have the features of a row in {self.train!r}; {by_chance}"
            f"expected {f'at most {number(most)}' if most else 'none'}"
        )
        message += "" if twins <= most else ". Drop copies, or keep them in one split (data.group)"
        observed = {"rows": total, "twins": twins, "share": share, "chance": chance}
        return Verdict(twins <= most, message, observed, {"max_share": self.max_share, "max_twins": most})

    def offending(self, df: DataFrame) -> DataFrame | None:
        return rows_in_other_parts(df, self._kind(), part=1, other=0)


def _about(rows: float) -> str:
    return f"about {number(round(rows))}" if rows >= 0.5 else "none" if rows < 0.05 else "fewer than 1"

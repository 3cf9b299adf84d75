"""Expectations on splits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, ClassVar

from steelyard.guards._needs import CELLS, Needs, cells
from steelyard.guards._verdict import Verdict, more, number, percent
from steelyard.guards.expectations._base import SPLITS, JudgedExpectation, LabelExpectation, Parameter


class ExpectSplitSharesToBeNear(LabelExpectation):
    """Expect each split to have its share of the rows that are in a split.

    Parameters
    ----------
    shares : dict of str to float
        The requested share of each split; `remainder` gets the rest.
    remainder : str
    tolerance : float
        Tolerated difference of a share. In addition, one row per class is allowed, because counts are rounded class by
        class.
    """

    shares: dict[str, float] | Parameter
    remainder: str | Parameter = "train"
    tolerance: float | Parameter = 0.01

    split_column: str | Parameter = "split"

    template: ClassVar[str] = "$split_column must hold $shares, the rest in $remainder, with a tolerance of $tolerance."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts = self._counts(metrics)
        sizes, total = counts.by_split, sum(counts.by_split.values())
        wanted = {name: float(share) for name, share in complete(self.shares, self.remainder).items()}
        slack = self.tolerance * total + len(counts.by_class)
        rows: list[dict[str, Any]] = [
            {"split": s, "rows": n, "share": round(n / max(total, 1), 6), "expected": wanted.get(s)}
            for s, n in ({**dict.fromkeys(wanted, 0), **sizes}).items()
        ]
        wrong = [r for r in rows if r["expected"] is None or abs(r["rows"] - r["expected"] * total) > slack]
        message = f"column {self.split_column!r} "
        if wrong or not total:
            message += "; ".join(map(_share_fault, wrong)) or "puts no row in any split"
        else:
            held = ", ".join(f"{r['split']!r} {percent(r['share'])}" for r in rows)
            message += f"holds the wanted shares: {held}"
        observed = {r["split"]: r["share"] for r in rows}
        return Verdict(not wrong and total > 0, message, observed, {**wanted, "tolerance": self.tolerance}, wrong)


class ExpectEveryRowInASplit(LabelExpectation):
    """Expect no row, or no more than a share of the rows, to be in no split.

    Parameters
    ----------
    max_share : float
    """

    max_share: float | Parameter = 0.0

    split_column: str | Parameter = "split"

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        some = "$split_column may leave a share of at most $max_share of the rows in no split."
        return some if fields["max_share"] else "$split_column must put every row in a split."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts = self._counts(metrics)
        left, total = counts.within(None), counts.total
        share = left.total / max(total, 1)
        seen = f"{number(left.total)} of {number(total)} rows ({percent(share)})"
        wanted = "none" if self.max_share == 0 else f"at most {percent(self.max_share)}"
        message = f"column {self.split_column!r} leaves {seen} in no split; expected {wanted}"
        ok, observed = share <= self.max_share, {"rows": left.total, "share": share}
        table = [{"class": c, "rows in no split": n} for c, n in left.by_class.items()] if not ok else []
        return Verdict(ok, message, observed, {"max_share": self.max_share}, table)


class ExpectSplitsToBeStratified(LabelExpectation):
    """Expect every class to be divided among the splits in the same shares, exact to the row.

    The wanted counts are computed from the table: for each class, its rows in a split times the shares, rounded half
    up, `test` first.

    Parameters
    ----------
    shares : dict of str to float
        The requested share of each split; `remainder` gets the rest.
    remainder : str
    tolerance : int
        Tolerated difference of a class in a split, for keys on the boundary that must stay whole.
    """

    shares: dict[str, float] | Parameter
    remainder: str | Parameter = "train"
    tolerance: int | Parameter = 0

    split_column: str | Parameter = "split"

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        exact = "give or take $tolerance rows" if fields["tolerance"] else "to the row"
        return f"$split_column must divide each class of $column by $shares, the rest to $remainder, {exact}."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts, shares = self._counts(metrics), complete(self.shares, self.remainder)
        seen = {split: counts.within(split).by_class for split in shares}
        rows: list[dict[str, Any]] = [
            {"class": name, "split": split, "rows": seen[split].get(name, 0), "expected": wanted}
            for name, total in counts.placed.by_class.items()
            for split, wanted in quotas(total, self.shares, self.remainder).items()
        ]
        wrong = [r for r in rows if abs(r["rows"] - r["expected"]) > self.tolerance]
        message = f"each class of column {self.column!r} is divided in the wanted shares"
        if wrong:
            message = f"the splits don't hold the wanted shares of the classes of column {self.column!r}: "
            message += ", ".join(map(_quota_fault, wrong[:5])) + more(wrong, 5)
        nested: dict[str, dict[str, int]] = {}
        for r in rows:
            nested.setdefault(r["class"], {})[r["split"]] = r["rows"]
        worst = max((abs(r["rows"] - r["expected"]) for r in rows), default=0)
        expected = {"shares": {name: float(share) for name, share in shares.items()}, "tolerance": self.tolerance}
        return Verdict(not wrong, message, {"largest_deviation": worst, "counts": nested}, expected, wrong)


class ExpectSplitsInTimeOrder(JudgedExpectation):
    """Expect each split to end, by a time column, before the next begins.

    Parameters
    ----------
    column : str
        The time: a timestamp, a date, a number or ISO text.
    split_column : str
    splits : list of str
        The splits in their order; a split without rows is skipped.
    gap : float, default 0
        Least number of seconds between the end of a split and the beginning of the next: labels come late. For
        timestamps and dates.
    """

    column: str
    split_column: str | Parameter = "split"
    splits: list[str] | Parameter = SPLITS
    gap: float | Parameter = 0.0

    template: ClassVar[str] = "By $column, the splits $splits must follow each other in this order."

    def needs(self) -> Needs:
        return cells(["time", self.column], split=self.split_column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        present = {r.split: r for r in metrics[CELLS].times(self.column, self.split_column)}
        held = [present[s] for s in self.splits if s in present]
        faults = [
            f"{a.split} ends at {a.last_text}, {b.split} begins at {b.first_text}"
            for a, b in pairwise(held)
            if not a.last < b.first or (self.gap and b.first - a.last < self.gap * 1e6)  # microseconds
        ]
        shown = [{"split": r.split, "first": r.first_text, "last": r.last_text} for r in held]
        apart = f", {number(round(self.gap))} seconds apart" if self.gap else ""
        follow = " before ".join(map(repr, self.splits)) + apart
        message = f"by column {self.column!r} the splits follow each other: {follow}"
        if faults:
            what = "are too close to each other" if self.gap else "overlap"
            message = f"by column {self.column!r} the splits {what}: {'; '.join(faults)}; expected {follow}"
        observed = {r["split"]: [r["first"], r["last"]] for r in shown}
        return Verdict(not faults, message, observed, {"order": list(self.splits)}, shown if faults else [])


def complete(shares: Mapping[str, float], remainder: str) -> dict[str, Decimal]:
    """Return the exact shares of all splits: the rest for `remainder` first, then the given ones.

    Examples
    --------
    >>> complete({"validation": 0.1, "test": 0.2}, "train")
    {'train': Decimal('0.7'), 'validation': Decimal('0.1'), 'test': Decimal('0.2')}
    """
    given = {name: Decimal(str(share)) for name, share in shares.items() if name != remainder}
    return {remainder: 1 - sum(given.values(), Decimal(0)), **given}


def quotas(total: int, shares: Mapping[str, float], remainder: str) -> dict[str, int]:
    """Return the number of a class's rows per split: shares rounded half up, test first.

    Examples
    --------
    >>> quotas(25, {"validation": 0.1, "test": 0.2}, "train")
    {'test': 5, 'validation': 3, 'train': 17}
    """
    exact = complete(shares, remainder)
    del exact[remainder]
    counts: dict[str, int] = {}
    for name in sorted(exact, key=lambda s: s != "test"):
        wanted = int((exact[name] * total).to_integral_value(ROUND_HALF_UP))
        counts[name] = min(wanted, total - sum(counts.values()))
    return {**counts, remainder: total - sum(counts.values())}


def _quota_fault(row: Mapping[str, Any]) -> str:
    seen = f"{number(row['rows'])} of class {row['class']!r} in {row['split']}"
    return f"{seen} instead of {number(row['expected'])}"


def _share_fault(row: Mapping[str, Any]) -> str:
    seen = f"puts {number(row['rows'])} rows ({percent(row['share'])}) in {row['split']!r}"
    wanted = row["expected"]
    return f"{seen}, which is not a requested split" if wanted is None else f"{seen} instead of {percent(wanted)}"

"""Expectations on labels and class counts."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.columns import class_text
from steelyard.guards._verdict import Verdict, between, inside, listed, more, named, number, percent, span
from steelyard.guards.expectations._base import LabelExpectation, Parameter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ExpectLabelsToMatchClasses(LabelExpectation):
    """Expect the labels in the table to be the given classes, in their string form.

    Parameters
    ----------
    classes : list of str
    all_present : bool
        Whether each class must occur; else a class may be absent.
    """

    classes: list[str] | Parameter
    all_present: bool | Parameter = True

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        if fields["all_present"]:
            return "$column must hold the classes $classes, each of them, and no other."
        return "$column must hold no other classes than $classes."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        seen, classes = self._counts(metrics).by_class, set(self.classes)
        strange = {label: n for label, n in seen.items() if label not in classes}
        absent = [c for c in self.classes if c not in seen] if self.all_present else []
        faults = [listed(strange)] if strange else []
        faults += [f"no row of {named(absent)}"] if absent else []
        wanted = f"{'exactly' if self.all_present else 'no others than'} the classes {named(self.classes)}"
        message = f"column {self.column!r} holds "
        message += f"{' and '.join(faults)}; expected {wanted}" if faults else f"{listed(seen)}, as expected"
        rows = {**seen, **dict.fromkeys(absent, 0)}
        table = [{"class": c, "rows": n, "expected": c in classes} for c, n in rows.items()]
        return Verdict(not faults, message, {"classes": seen}, {"classes": list(self.classes)}, table)

    def offending(self, df: DataFrame) -> DataFrame | None:
        return df.where(~class_text(df, self.column).isin(list(self.classes)))


class ExpectNoNullLabels(LabelExpectation):
    """Expect every row to have a label; NaN is null."""

    template: ClassVar[str] = "$column must not be null."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts = self._counts(metrics)
        nulls, total = counts.nulls, counts.total
        found = f"{number(nulls) if nulls else 'none'} of {number(total)} rows"
        message = f"column {self.column!r} is null in {found}" + ("; expected none" if nulls else "")
        return Verdict(nulls == 0, message, {"null": nulls, "rows": total}, {"null": 0})

    def offending(self, df: DataFrame) -> DataFrame | None:
        return df.where(class_text(df, self.column).isNull())


class LabelRangeExpectation(LabelExpectation, ABC):
    """Base of expectations that a number derived from the class counts is in a closed range.

    Parameters
    ----------
    min_value, max_value : float, optional
    """

    min_value: float | Parameter | None = None
    max_value: float | Parameter | None = None

    @property
    def _range(self) -> tuple[float | None, float | None]:
        return self.min_value, self.max_value

    def _no_label(self) -> Verdict:
        return Verdict(False, f"column {self.column!r} has no label", {"rows": 0}, between(*self._range))


class ExpectMinorityShareToBeBetween(LabelRangeExpectation):
    """Expect the share of the rarest class among the labelled rows to be in a closed range.

    Parameters
    ----------
    min_value, max_value : float, optional
    """

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        return f"The rarest class of $column must have a share of {_range_words(fields)}."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        classes = self._counts(metrics).by_class
        if not classes:
            return self._no_label()
        total, rarest = sum(classes.values()), min(classes, key=lambda c: (classes[c], c))
        share = classes[rarest] / total
        seen = f"{number(classes[rarest])} of {number(total)} rows ({percent(share)})"
        wanted = span(*(None if end is None else percent(end) for end in self._range))
        message = f"in column {self.column!r} the rarest class {rarest!r} has {seen}; expected a share {wanted}"
        observed = {"class": rarest, "share": share, "count": classes[rarest]}
        return Verdict(inside(share, *self._range), message, observed, between(*self._range))


class ExpectImbalanceRatioToBeBetween(LabelRangeExpectation):
    """Expect the size of the largest class over that of the smallest to be in a closed range.

    Parameters
    ----------
    min_value, max_value : float, optional
    """

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        return f"The largest class of $column must have {_range_words(fields)} times the rows of the smallest."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        classes = self._counts(metrics).by_class
        if not classes:
            return self._no_label()
        largest, smallest = (end(classes, key=lambda c: (classes[c], c)) for end in (max, min))
        ratio = classes[largest] / classes[smallest]
        seen = f"{number(classes[largest])} of class {largest!r} for {number(classes[smallest])} of class {smallest!r}"
        message = f"column {self.column!r} has {seen}, a ratio of {ratio:.6g}; expected {span(*self._range)}"
        observed = {"ratio": ratio, "largest": largest, "smallest": smallest}
        return Verdict(inside(ratio, *self._range), message, observed, between(*self._range))


class ExpectClassCountsToBeBetween(LabelExpectation):
    """Expect each class to have a number of rows in a closed range.

    Parameters
    ----------
    min_value, max_value : int, optional
    splits : list of str, optional
        Count in each of these splits; a class of the table that is absent in a split counts as zero there.
    """

    min_value: int | Parameter | None = None
    max_value: int | Parameter | None = None
    splits: list[str] | Parameter | None = None

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        where = " in each of the splits $splits" if fields["splits"] else ""
        return f"Each class of $column must have {_range_words(fields)} rows{where}."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts, ends = self._counts(metrics), (self.min_value, self.max_value)
        parts = {s: counts.within(s).by_class for s in self.splits or ()} or {None: counts.by_class}
        rows: list[dict[str, Any]] = [
            {**({"split": s} if s is not None else {}), "class": c, "rows": part.get(c, 0)}
            for s, part in parts.items()
            for c in counts.by_class
        ]
        wrong = [r for r in rows if not inside(r["rows"], *ends)]
        wanted = f"{span(*ends)} of each class" + (f" in each of {named(self.splits)}" if self.splits else "")
        message = f"column {self.column!r} has "
        if wrong or not rows:
            shown = listed({_place(r): r["rows"] for r in wrong}, quote=False) or "no class"
            message += f"{shown}; expected {wanted}"
        else:
            message += wanted
        observed = {s: dict(part) for s, part in parts.items()} if self.splits else counts.by_class
        return Verdict(bool(rows) and not wrong, message, observed, between(*ends), wrong)


class ExpectClassCountsToEqual(LabelExpectation):
    """Expect each class to have the wanted number of rows, and no other class to have any.

    Parameters
    ----------
    counts : dict of str to int
        Rows by class, in its string form.
    split : str, optional
        Count only the rows of this split.
    tolerance : int
        Tolerated difference of a count.
    """

    counts: dict[str, int] | Parameter
    split: str | Parameter | None = None
    tolerance: int | Parameter = 0

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        place = " within split $split" if fields["split"] else ""
        slack = ", give or take $tolerance" if fields["tolerance"] else ""
        return f"The classes of $column must have these rows{place}{slack}: $counts."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts, wanted = self._counts(metrics), dict(self.counts)
        seen = (counts.within(self.split) if self.split else counts).by_class
        rows: list[dict[str, Any]] = [
            {"class": c, "rows": seen.get(c, 0), "expected": wanted.get(c, 0)} for c in {**wanted, **seen}
        ]
        wrong = [r for r in rows if abs(r["rows"] - r["expected"]) > self.tolerance]
        faults = (f"{number(r['rows'])} of class {r['class']!r} instead of {number(r['expected'])}" for r in wrong[:5])
        place = f" in split {self.split!r}" if self.split else ""
        message = f"column {self.column!r} has{place} "
        message += ", ".join(faults) + more(wrong, 5) if wrong else f"the wanted rows: {listed(wanted)}"
        return Verdict(not wrong, message, seen, wanted, wrong)


def _range_words(fields: Mapping[str, Any]) -> str:
    return span(*(f"${name}" if fields[name] is not None else None for name in ("min_value", "max_value")))


def _place(row: Mapping[str, Any]) -> str:
    return f"of class {row['class']!r}" + (f" in {row['split']}" if row.get("split") else "")

"""Expectations on synthetic rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pyspark.sql import functions as F

from steelyard.guards._measures import flag, text
from steelyard.guards._needs import OVERLAPS, Needs, parts_by_origin, same_rows
from steelyard.guards._seen import Overlaps
from steelyard.guards._verdict import Verdict, more, number, percent, plural
from steelyard.guards.expectations._base import JudgedExpectation, LabelExpectation, Parameter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ExpectSyntheticRowsOnlyInSplit(LabelExpectation):
    """Expect synthetic rows in one split only.

    Parameters
    ----------
    split : str
    """

    split: str | Parameter = "train"

    split_column: str | Parameter = "split"
    synthetic_column: str | Parameter = "is_synthetic"

    template: ClassVar[str] = "Rows with $synthetic_column must have $split in $split_column."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        made = self._counts(metrics).synthetic
        outside = [c for c in made.cells if c.split != self.split and c.count]
        strays = sum(c.count for c in outside)
        marks = f"column {self.synthetic_column!r} marks as synthetic"
        message = f"all {plural(made.total, 'row')} that {marks} are in {self.split!r}"
        if strays:
            where = ", ".join(f"{number(c.count)} of class {c.label!r} in {c.split or 'no split'}" for c in outside[:5])
            message = f"{marks} {plural(strays, 'row')} outside {self.split!r}: {where}"
            message += f"{more(outside, 5)}; expected none"
        observed = {"outside": strays, "synthetic": made.total}
        table = [{"class": c.label, "split": c.split, "synthetic rows": c.count} for c in outside]
        return Verdict(not strays, message, observed, {"outside": 0}, table)

    def offending(self, df: DataFrame) -> DataFrame | None:
        elsewhere = ~text(df, self.split_column).eqNullSafe(F.lit(self.split))
        return df.where(flag(df, self.synthetic_column) & elsewhere)


class ExpectSyntheticRowsToKeepCategories(JudgedExpectation):
    """Expect each category of a synthetic row to occur in an original row of its class.

    Parameters
    ----------
    column : str
        The label.
    features : list of str
        Columns of categories; null is one.
    synthetic_column : str
    """

    column: str
    features: list[str] | Parameter
    synthetic_column: str | Parameter = "is_synthetic"

    template: ClassVar[str] = (
        "Rows with $synthetic_column must have categories that occur in their class in $column, in the features "
        "$features."
    )

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind(f) for f in self.features]}}

    def _kind(self, feature: str) -> Any:
        return same_rows([feature], parts_by_origin(self.synthetic_column), label=self.column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        seen: Overlaps = metrics[OVERLAPS]
        strange = {f: [o for o in seen.of(self._kind(f)) if o.parts == ("synthetic",)] for f in self.features}
        counts = {
            f: (sum(o.values for o in of), sum(o.rows["synthetic"] for o in of)) for f, of in strange.items() if of
        }
        message = f"synthetic rows have only categories of their class in all {plural(len(strange), 'feature')}"
        if counts:
            shown = [f"column {f!r} has {plural(n, 'value')} in {plural(of, 'row')}" for f, (n, of) in counts.items()]
            message = "synthetic rows have categories that no real row of their class has: "
            message += ", ".join(shown[:5]) + more(shown, 5)
        observed = {"strange": {f: n for f, (n, _) in counts.items()}}
        table = [{"feature": f, "values": n, "rows": rows} for f, (n, rows) in counts.items()]
        return Verdict(not counts, message, observed, {"strange": {}}, table)


class ExpectFewSyntheticDuplicates(JudgedExpectation):
    """Expect few synthetic rows to equal an original row in all features: such rows only add weight.

    Parameters
    ----------
    features : list of str
    max_share : float
        Of the synthetic rows.
    synthetic_column : str
    """

    features: list[str] | Parameter
    max_share: float | Parameter = 0.0
    synthetic_column: str | Parameter = "is_synthetic"

    template: ClassVar[str] = (
        "A share of at most $max_share of the rows with $synthetic_column may have exactly the features of another row."
    )

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind()]}}

    def _kind(self) -> Any:
        return same_rows(self.features, parts_by_origin(self.synthetic_column))

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        total, twins = metrics[OVERLAPS].rows(self._kind(), "synthetic", "original")
        share = twins / max(total, 1)
        seen = f"{number(twins)} of {plural(total, 'synthetic row')} ({percent(share)})"
        message = f"{seen} have exactly the features of a real row; expected at most {percent(self.max_share)}"
        observed = {"rows": total, "copies": twins, "share": share}
        return Verdict(share <= self.max_share, message, observed, {"max_share": self.max_share})

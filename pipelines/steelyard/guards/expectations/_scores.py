"""Expectations on scored rows."""

from __future__ import annotations

from collections.abc import Mapping
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar

from pyspark.sql import functions as F

from steelyard.columns import combined
from steelyard.guards._counts import ScoreCounts
from steelyard.guards._measures import score_faults
from steelyard.guards._needs import CELLS, Needs, cells
from steelyard.guards._seen import Cells
from steelyard.guards._verdict import Verdict, ends, named, number
from steelyard.guards.expectations._base import JudgedExpectation, Parameter
from steelyard.kernels.drift import count_interval

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TOLERANCE = 1e-6
"""How far from one the sum of probabilities may be."""


class ExpectPredictedPrevalenceToBeNear(JudgedExpectation):
    """Expect the mean score to be near the share of the positive class, in each split.

    The ratio of the two has an exact interval (Garwood's, for the number of positives). A split fails only if the whole
    interval is outside `[1 - max_change, 1 + max_change]`.

    Parameters
    ----------
    column : str
        The score: the probability of the positive class.
    label_column, positive : str
    split_column : str
        Rows in no split (null) do not count.
    max_change : float
    confidence : float, default 0.99
        Of all splits together (Bonferroni).
    """

    column: str
    label_column: str | Parameter
    positive: str | Parameter
    split_column: str | Parameter = "split"
    max_change: float | Parameter = 0.5
    confidence: float | Parameter = 0.99

    template: ClassVar[str] = (
        "In each $split_column, the mean of $column must be the share of the class $positive, give or take a share of "
        "$max_change of it."
    )

    def needs(self) -> Needs:
        return cells(["score", self.column, None, TOLERANCE], label=self.label_column, split=self.split_column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        rows = self._rows(metrics[CELLS])
        low, high = 1 - self.max_change, 1 + self.max_change
        wrong = [r for r in rows if r["low"] > high or (r["high"] is not None and r["high"] < low)]
        subject = f"the mean of column {self.column!r}"
        if wrong:
            faults = "; ".join(_prevalence_fault(r) for r in wrong)
            message = f"{subject} isn't the share of class {self.positive!r}: {faults}; "
            message += f"expected {low:.3g} to {high:.3g} times"
        elif rows:
            shown = ", ".join(f"{r['predicted']:.4g} for {r['observed']:.4g} in {r['split']!r}" for r in rows)
            message = f"{subject} is near the share of class {self.positive!r}: {shown}"
        else:
            message = f"no row is in a split, so {subject} cannot be judged"
        seen = {r["split"]: {"predicted": r["predicted"], "observed": r["observed"]} for r in rows}
        return Verdict(bool(rows) and not wrong, message, seen, {"min": low, "max": high}, wrong)

    def _rows(self, seen: Cells) -> list[dict[str, Any]]:
        """Return for each split the mean score, the share of the positive class, and the interval of their ratio."""
        scores = seen.scores(self.column, None, TOLERANCE, self.split_column)
        labels = seen.labels(self.label_column, self.split_column)
        splits, rows = sorted(s for s in scores if s is not None), []
        for split in splits:
            of, positives = scores[split], labels.within(split).by_class.get(self.positive, 0)
            least, most = count_interval(positives, 1 - (1 - self.confidence) / len(splits))
            rows.append(
                {
                    "split": split,
                    "predicted": of.total / of.rows,
                    "observed": positives / of.rows,
                    "positives": positives,
                    "low": of.total / most,
                    "high": of.total / least if least else None,
                }
            )
        return rows


class ExpectScoresToBeProbabilities(JudgedExpectation):
    """Expect every score to be a number in [0, 1].

    Parameters
    ----------
    column : str
        A column of numbers, or a map of class to number, whose values must add up to one.
    classes : list of str, optional
        The classes that each map must hold.
    tolerance : float
        Tolerated difference of the sum of a map from one.
    """

    column: str
    classes: list[str] | Parameter | None = None
    tolerance: float | Parameter = TOLERANCE

    template: ClassVar[str] = "$column must hold probabilities: numbers in [0, 1], not null."

    def needs(self) -> Needs:
        classes = None if self.classes is None else list(self.classes)
        return cells(["score", self.column, classes, self.tolerance])

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        nothing = ScoreCounts(0, 0, 0, 0, 0, None, None)
        seen = metrics[CELLS].scores(self.column, self.classes, self.tolerance).get(None, nothing)
        faults = {
            "null": seen.null,
            "NaN": seen.nan,
            "below 0": seen.below,
            "above 1": seen.above,
            "without a sum of 1": seen.wrong_sum,
            f"of other classes than {named(self.classes or ())}": seen.wrong_classes,
        }
        found = {what: n for what, n in faults.items() if n}
        message = f"all {number(seen.rows)} scores in column {self.column!r} are in {ends(seen.low, seen.high)}"
        if found:
            shown = ", ".join(f"{number(n)} {what}" for what, n in found.items())
            message = f"column {self.column!r} holds, among {number(seen.rows)} scores, {shown}"
            message += f" (range {ends(seen.low, seen.high)}); expected numbers in [0, 1]"
        observed = {"rows": seen.rows, "min": seen.low, "max": seen.high, **found}
        table = [{"fault": what, "rows": n} for what, n in found.items()]
        return Verdict(not found and seen.rows > 0, message, observed, {"min": 0, "max": 1, "null": 0}, table)

    def offending(self, df: DataFrame) -> DataFrame | None:
        faults = score_faults(df, self.column, self.classes, self.tolerance).values()
        return df.where(combined(or_, [F.coalesce(fault, F.lit(False)) for fault in faults]))


def _prevalence_fault(row: Mapping[str, Any]) -> str:
    high = "∞" if row["high"] is None else f"{row['high']:.3g}"
    seen = f"{row['predicted']:.4g} in {row['split']!r}, where {row['observed']:.4g} of the rows are of it"
    return f"{seen} (ratio with an interval from {row['low']:.3g} to {high})"

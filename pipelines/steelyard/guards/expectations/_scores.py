"""Expectations on scored rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.guards._counts import NO_SCORES
from steelyard.guards._judge_rows import prevalence, probabilities
from steelyard.guards._needs import CELLS, Needs, cells
from steelyard.guards._offending import with_faulty_scores
from steelyard.guards._seen import Cells
from steelyard.guards._verdict import Verdict
from steelyard.guards.expectations._base import JudgedExpectation, Parameter

TOLERANCE = 1e-6
"""How far from one the sum of probabilities may be."""

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ExpectPredictedPrevalenceToBeNear(JudgedExpectation):
    """Expect the mean score to be near the share of the positive class, in each split.

    A split fails only where the whole exact interval of the ratio lies outside `[1 - max_change, 1 + max_change]`.

    Parameters
    ----------
    column : str
        The score: the probability of the positive class.
    label_column, positive : str
    split_column : str
        Rows where it is null don't count.
    max_change : float
    confidence : float, default 0.99
        Of all splits together.
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
    column_fields: ClassVar[tuple[str, ...]] = ("column", "label_column", "split_column")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column")
    success_keys: ClassVar[tuple[str, ...]] = ("label_column", "positive", "split_column", "max_change", "confidence")

    def needs(self) -> Needs:
        return cells(["score", self.column, None, TOLERANCE], label=self.label_column, split=self.split_column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        seen: Cells = metrics[CELLS]
        scores = seen.scores(self.column, None, TOLERANCE, self.split_column)
        labels = seen.labels(self.label_column, self.split_column)
        return prevalence(self.column, self.positive, scores, labels, self.max_change, self.confidence)


class ExpectScoresToBeProbabilities(JudgedExpectation):
    """Expect every score to be a number in [0, 1].

    Parameters
    ----------
    column : str
        A column of numbers, or a map of class to number, whose values then have to add up to one.
    classes : list of str, optional
        The classes that each map must hold.
    tolerance : float
        How far from one the sum of a map may be.
    """

    column: str
    classes: list[str] | Parameter | None = None
    tolerance: float | Parameter = TOLERANCE

    template: ClassVar[str] = "$column must hold probabilities: numbers in [0, 1], not null."
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column")
    success_keys: ClassVar[tuple[str, ...]] = ("classes", "tolerance")

    def needs(self) -> Needs:
        classes = None if self.classes is None else list(self.classes)
        return cells(["score", self.column, classes, self.tolerance])

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        found = metrics[CELLS].scores(self.column, self.classes, self.tolerance)
        return probabilities(self.column, found.get(None, NO_SCORES), self.classes)

    def offending(self, df: DataFrame) -> DataFrame | None:
        return with_faulty_scores(df, self.column, self.classes, self.tolerance)

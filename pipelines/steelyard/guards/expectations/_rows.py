"""Expectations on synthetic rows and on scored rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from steelyard.guards._judge_rows import probabilities, synthetic_only_in, within_bounds
from steelyard.guards._verdict import Verdict
from steelyard.guards.expectations._base import JudgedExpectation, LabelExpectation, Parameter
from steelyard.guards.metrics import CLASS_BOUNDS, LABEL_COUNTS, SCORE_COUNTS


class ExpectSyntheticRowsOnlyInSplit(LabelExpectation):
    """Expect rows that resampling made to be in one split alone.

    Parameters
    ----------
    split : str
    """

    split: str | Parameter = "train"

    split_column: str | Parameter = "split"
    synthetic_column: str | Parameter = "is_synthetic"

    template: ClassVar[str] = "Rows with $synthetic_column must have $split in $split_column."
    success_keys: ClassVar[tuple[str, ...]] = ("split", "split_column", "synthetic_column")

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return synthetic_only_in(self.synthetic_column, metrics[LABEL_COUNTS], self.split)


class ExpectSyntheticRowsWithinClassBounds(JudgedExpectation):
    """Expect the synthetic rows of each class to stay in the range of its original rows, feature by feature.

    Interpolation can't leave the range. A missing value where no original of the class has one is outside.

    Parameters
    ----------
    column : str
        The label.
    features : list of str
        Numeric columns.
    synthetic_column : str
    split_column, split : str, optional
        Compare within this split alone.
    tolerance : float
        The share of a class's range by which its synthetic rows may leave it.
    """

    column: str
    features: list[str] | Parameter
    synthetic_column: str | Parameter = "is_synthetic"
    split_column: str | Parameter | None = None
    split: str | Parameter | None = None
    tolerance: float | Parameter = 0.0

    column_fields: ClassVar[tuple[str, ...]] = ("column", "features", "synthetic_column", "split_column")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column")
    success_keys: ClassVar[tuple[str, ...]] = (
        "features",
        "synthetic_column",
        "split_column",
        "split",
        "tolerance",
    )

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        slack = ", give or take a share of $tolerance of it" if fields["tolerance"] else ""
        return (
            "Rows with $synthetic_column must stay in the range of the original rows of their class "
            f"in $column{slack}, in the features $features."
        )

    def _metrics(self) -> dict[str, dict[str, Any]]:
        arguments = {
            "label": self.column,
            "synthetic": self.synthetic_column,
            "features": self.features,
            "split": self.split_column,
            "within": self.split,
        }
        return {CLASS_BOUNDS: arguments}

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return within_bounds(metrics[CLASS_BOUNDS], self.tolerance)


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
    tolerance: float | Parameter = 1e-6

    template: ClassVar[str] = "$column must hold probabilities: numbers in [0, 1], not null."
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column")
    success_keys: ClassVar[tuple[str, ...]] = ("classes", "tolerance")

    def _metrics(self) -> dict[str, dict[str, Any]]:
        return {SCORE_COUNTS: {"score": self.column, "classes": self.classes, "tolerance": self.tolerance}}

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return probabilities(self.column, metrics[SCORE_COUNTS], self.classes)

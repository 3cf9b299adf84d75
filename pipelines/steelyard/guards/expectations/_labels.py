"""Expectations on labels and class counts."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.guards._judge_labels import (
    class_counts_between,
    class_counts_equal,
    imbalance_ratio,
    labels_match,
    minority_share,
    no_nulls,
)
from steelyard.guards._offending import of_other_classes, without_label
from steelyard.guards._verdict import Verdict, span
from steelyard.guards.expectations._base import LabelExpectation, Parameter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ExpectLabelsToMatchClasses(LabelExpectation):
    """Expect the labels that occur to be the given classes, in their string form.

    Parameters
    ----------
    classes : list of str
    all_present : bool
        Whether each class must occur too; else the labels only have to be among them.
    """

    classes: list[str] | Parameter
    all_present: bool | Parameter = True

    template: ClassVar[str] = "$column must hold the classes $classes, each of them, and no other."
    success_keys: ClassVar[tuple[str, ...]] = ("classes", "all_present", "split_column", "synthetic_column")

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        return cls.template if fields["all_present"] else "$column must hold no other classes than $classes."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return labels_match(self.column, self._counts(metrics), self.classes, self.all_present)

    def offending(self, df: DataFrame) -> DataFrame | None:
        return of_other_classes(df, self.column, self.classes)


class ExpectNoNullLabels(LabelExpectation):
    """Expect every row to have a label; NaN is none."""

    template: ClassVar[str] = "$column must not be null."
    success_keys: ClassVar[tuple[str, ...]] = ("split_column", "synthetic_column")

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return no_nulls(self.column, self._counts(metrics))

    def offending(self, df: DataFrame) -> DataFrame | None:
        return without_label(df, self.column)


class LabelRangeExpectation(LabelExpectation, ABC):
    """Base of expectations that a number derived from the counts of labels is within a closed range.

    Parameters
    ----------
    min_value, max_value : float, optional
    """

    min_value: float | Parameter | None = None
    max_value: float | Parameter | None = None

    success_keys: ClassVar[tuple[str, ...]] = ("min_value", "max_value", "split_column", "synthetic_column")


class ExpectMinorityShareToBeBetween(LabelRangeExpectation):
    """Expect the share of the rarest class among the labelled rows to be within a closed range.

    Parameters
    ----------
    min_value, max_value : float, optional
    """

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        return f"The rarest class of $column must have a share of {_range_words(fields)}."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return minority_share(self.column, self._counts(metrics), self.min_value, self.max_value)


class ExpectImbalanceRatioToBeBetween(LabelRangeExpectation):
    """Expect the size of the largest class over that of the smallest to be within a closed range.

    Parameters
    ----------
    min_value, max_value : float, optional
    """

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        return f"The largest class of $column must have {_range_words(fields)} times the rows of the smallest."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return imbalance_ratio(self.column, self._counts(metrics), self.min_value, self.max_value)


class ExpectClassCountsToBeBetween(LabelExpectation):
    """Expect each class to have a number of rows in a closed range.

    Parameters
    ----------
    min_value, max_value : int, optional
    splits : list of str, optional
        Count within each of these splits; a class of the table that a split lacks counts as zero there.
    """

    min_value: int | Parameter | None = None
    max_value: int | Parameter | None = None
    splits: list[str] | Parameter | None = None

    success_keys: ClassVar[tuple[str, ...]] = (
        "min_value",
        "max_value",
        "splits",
        "split_column",
        "synthetic_column",
    )

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        where = " in each of the splits $splits" if fields["splits"] else ""
        return f"Each class of $column must have {_range_words(fields)} rows{where}."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts = self._counts(metrics)
        return class_counts_between(self.column, counts, self.min_value, self.max_value, self.splits)


class ExpectClassCountsToEqual(LabelExpectation):
    """Expect each class to have the wanted number of rows, and no other class to have any.

    Parameters
    ----------
    counts : dict of str to int
        Rows by class, in its string form.
    split : str, optional
        Count the rows of this split alone.
    tolerance : int
        By how many rows a count may differ.
    """

    counts: dict[str, int] | Parameter
    split: str | Parameter | None = None
    tolerance: int | Parameter = 0

    success_keys: ClassVar[tuple[str, ...]] = (
        "counts",
        "split",
        "tolerance",
        "split_column",
        "synthetic_column",
    )

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        place = " within split $split" if fields["split"] else ""
        slack = ", give or take $tolerance" if fields["tolerance"] else ""
        return f"The classes of $column must have these rows{place}{slack}: $counts."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts = self._counts(metrics)
        part = counts.within(self.split) if self.split else counts
        return class_counts_equal(self.column, part, self.counts, self.tolerance, self.split)


def _range_words(fields: Mapping[str, Any]) -> str:
    low, high = (f"${n}" if fields[n] is not None else None for n in ("min_value", "max_value"))
    return span(low, high)

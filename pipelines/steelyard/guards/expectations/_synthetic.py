"""Expectations on synthetic rows."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from steelyard.guards._counts import Bounds
from steelyard.guards._judge_rows import synthetic_only_in, whole_numbers, within_bounds
from steelyard.guards._judge_same import known_categories, synthetic_duplicates
from steelyard.guards._needs import CELLS, OVERLAPS, Needs, cells, parts_by_origin, same_rows
from steelyard.guards._offending import misplaced_synthetic
from steelyard.guards._seen import Cells, Overlaps
from steelyard.guards._verdict import Verdict
from steelyard.guards.expectations._base import JudgedExpectation, LabelExpectation, Parameter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


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
        return synthetic_only_in(self.synthetic_column, self._counts(metrics), self.split)

    def offending(self, df: DataFrame) -> DataFrame | None:
        return misplaced_synthetic(df, self.synthetic_column, self.split_column, self.split)


class SyntheticRangesExpectation(JudgedExpectation, ABC):
    """Base of expectations that compare number ranges of synthetic and original rows, class by class.

    Parameters
    ----------
    column : str
        The label.
    features : list of str
        Numeric columns.
    synthetic_column : str
    split_column, split : str, optional
        Compare within this split alone.
    """

    column: str
    features: list[str] | Parameter
    synthetic_column: str | Parameter = "is_synthetic"
    split_column: str | Parameter | None = None
    split: str | Parameter | None = None

    column_fields: ClassVar[tuple[str, ...]] = ("column", "features", "synthetic_column", "split_column")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column")
    success_keys: ClassVar[tuple[str, ...]] = ("features", "synthetic_column", "split_column", "split")

    def needs(self) -> Needs:
        ranges = [["range", name] for name in self.features]
        return cells(*ranges, label=self.column, synthetic=self.synthetic_column, split=self.split_column)

    def _bounds(self, metrics: Mapping[str, Any]) -> list[Bounds]:
        seen: Cells = metrics[CELLS]
        return seen.bounds(self.column, self.synthetic_column, self.features, self.split_column, self.split)


class ExpectSyntheticRowsWithinClassBounds(SyntheticRangesExpectation):
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

    tolerance: float | Parameter = 0.0

    success_keys: ClassVar[tuple[str, ...]] = (*SyntheticRangesExpectation.success_keys, "tolerance")

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        slack = ", give or take a share of $tolerance of it" if fields["tolerance"] else ""
        return (
            "Rows with $synthetic_column must stay in the range of the original rows of their class "
            f"in $column{slack}, in the features $features."
        )

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return within_bounds(self._bounds(metrics), self.tolerance)


class ExpectSyntheticRowsToKeepWholeNumbers(SyntheticRangesExpectation):
    """Expect synthetic rows to have whole numbers in the features where all original rows have.

    An interpolation breaks them in columns of floating-point numbers that hold counts or codes. Parameters are those
    of `SyntheticRangesExpectation`.
    """

    template: ClassVar[str] = (
        "Rows with $synthetic_column must have whole numbers where all original rows have, in the features $features."
    )

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return whole_numbers(self._bounds(metrics))


class ExpectSyntheticRowsToKeepCategories(JudgedExpectation):
    """Expect synthetic rows to have no category that no original row of their class has.

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
    column_fields: ClassVar[tuple[str, ...]] = ("column", "features", "synthetic_column")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id", "column")
    success_keys: ClassVar[tuple[str, ...]] = ("features", "synthetic_column")

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind(f) for f in self.features]}}

    def _kind(self, feature: str) -> Any:
        return same_rows([feature], parts_by_origin(self.synthetic_column), label=self.column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        seen: Overlaps = metrics[OVERLAPS]
        return known_categories({f: seen.of(self._kind(f)) for f in self.features})


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
    column_fields: ClassVar[tuple[str, ...]] = ("features", "synthetic_column")
    success_keys: ClassVar[tuple[str, ...]] = ("features", "max_share", "synthetic_column")

    def needs(self) -> Needs:
        return {OVERLAPS: {"kinds": [self._kind()]}}

    def _kind(self) -> Any:
        return same_rows(self.features, parts_by_origin(self.synthetic_column))

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return synthetic_duplicates(metrics[OVERLAPS].of(self._kind()), self.max_share)

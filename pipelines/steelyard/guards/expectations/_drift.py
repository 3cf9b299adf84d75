"""The expectation on a label distribution against a reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.core.suite_parameters import is_suite_parameter

from steelyard.guards._judge_drift import Tolerance, same_distribution
from steelyard.guards._needs import CELLS, Needs, cells
from steelyard.guards._verdict import Verdict
from steelyard.guards.expectations._base import LabelExpectation, Parameter

_NUMBERS = ("max_psi", "max_js", "max_change", "max_increase", "confidence")


class ExpectLabelDistributionToMatch(LabelExpectation):
    """Expect the classes to have the shares that they have in a reference.

    Each measure is judged where its maximum is given. PSI and Jensen-Shannon distance weigh a class by its share, so
    that a class of 0.1 % can vanish without their noticing; `max_change` looks at each class by itself. A class fails
    only if the whole exact interval of the ratio of its shares (`steelyard.kernels.drift`) lies outside
    `[1 - max_change, 1 + max_change]`: a change that is both larger than tolerated and more than chance.

    Parameters
    ----------
    column : str
        The label.
    reference : dict of str to int
        Rows by class; or by slice and class, where the whole is the sum of the slices.
    max_psi : float, optional
        Population stability index; custom calls 0.1 a small shift, 0.25 a large one.
    max_js : float, optional
        Jensen-Shannon distance, 0 to 1.
    max_change : float, optional
        By what part of its share a class may change, 0 to 1.
    max_increase : float, optional
        By what part it may grow, where that isn't `max_change`.
    confidence : float, default 0.99
        Of all intervals together: each has 1 - (1 - confidence) / (classes × slices).
    min_rows : int, default 1000
        PSI and Jensen-Shannon distance aren't judged in fewer rows, in which they are mostly noise.
    slice_column : str, optional
        Judge within each of its values (null is one), against the reference's slice of that name, else against the
        whole reference. A slice that is gone isn't judged.
    max_slices : int, default 1000
    reference_name : str, optional
        What messages call the reference.
    """

    reference: dict[str, int | dict[str, int]] | Parameter
    max_psi: float | Parameter | None = None
    max_js: float | Parameter | None = None
    max_change: float | Parameter | None = None
    max_increase: float | Parameter | None = None
    confidence: float | Parameter = 0.99
    min_rows: int | Parameter = 1000
    slice_column: str | Parameter | None = None
    max_slices: int | Parameter = 1000
    reference_name: str | Parameter = "the reference"

    column_fields: ClassVar[tuple[str, ...]] = (*LabelExpectation.column_fields, "slice_column")
    success_keys: ClassVar[tuple[str, ...]] = (
        "reference",
        *_NUMBERS,
        "min_rows",
        "slice_column",
        "max_slices",
        "reference_name",
        "split_column",
        "synthetic_column",
    )

    @pydantic.validator("max_change", "confidence")
    def _in_the_unit_interval(cls, value: Any) -> Any:  # noqa: N805  # pydantic gives the class
        if isinstance(value, int | float) and not 0 <= value <= 1:
            raise ValueError(f"must be between 0 and 1. Got {value} instead.")
        return value

    @pydantic.validator("reference")
    def _is_counts(cls, value: Any) -> Any:  # noqa: N805
        if not is_suite_parameter(value) and not value:
            raise ValueError("must hold the rows of each class. Got none instead.")
        return value

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        words = {
            "max_psi": "a PSI of at most $max_psi",
            "max_js": "a Jensen-Shannon distance of at most $max_js",
            "max_change": "no class's share changed by more than $max_change of it (interval with $confidence)",
            "max_increase": "or grown by more than $max_increase of it",
        }
        judged = ", ".join(said for name, said in words.items() if fields[name] is not None) or "any shares"
        where = " in each slice by $slice_column" if fields["slice_column"] else ""
        return f"The classes of $column must have{where}, against $reference_name, {judged}."

    def needs(self) -> Needs:
        return cells(
            label=self.column, split=self.split_column, synthetic=self.synthetic_column, slice=self.slice_column
        )

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        counts = metrics[CELLS].labels(self.column, self.split_column, self.synthetic_column, self.slice_column)
        tolerance = Tolerance(
            self.max_psi, self.max_js, self.max_change, self.max_increase, self.confidence, self.min_rows
        )
        return same_distribution(
            self.column, counts, self.reference, tolerance, self.slice_column, self.max_slices, self.reference_name
        )

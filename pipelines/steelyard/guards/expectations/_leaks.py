"""Expectations on what single features say about the label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from steelyard.guards._judge_leaks import no_giveaway
from steelyard.guards._verdict import Verdict
from steelyard.guards.expectations._base import LabelExpectation, Parameter


class ExpectNoFeatureToGiveTheLabelAway(LabelExpectation):
    """Expect no single feature to separate the rarest class from the others (almost) perfectly.

    The areas are given, not computed: in a pipeline, `diagnose` measures them on a hash sample of the training rows,
    see `steelyard.diagnosis.diagnose`.

    Parameters
    ----------
    areas : dict of str to float
        ROC area of each feature that is suspected, in its better direction or order of levels.
    max_area : float
        An area of this or more fails.
    """

    areas: dict[str, float] | Parameter
    max_area: float | Parameter = 0.99

    template: ClassVar[str] = "No single feature may have a ROC area of $max_area or more for $column."
    success_keys: ClassVar[tuple[str, ...]] = ("areas", "max_area")

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        return no_giveaway(self.column, self.areas, self.max_area)

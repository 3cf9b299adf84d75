"""The expectation that no single feature determines the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from steelyard.diagnosis import ENTIRE
from steelyard.guards._verdict import Verdict, more, plural
from steelyard.guards.expectations._base import LabelExpectation, Parameter


class ExpectNoFeatureToGiveTheLabelAway(LabelExpectation):
    """Expect no single feature to separate the rarest class from the others (almost) perfectly.

    The areas are given, not computed: in a pipeline, `diagnose` measures them on a hash sample of the training rows,
    see `steelyard.diagnosis.diagnose`.

    Parameters
    ----------
    areas : dict of str to float
        ROC area of each suspected feature, in its better direction or order of levels.
    max_area : float
        An area of this or more fails.
    """

    areas: dict[str, float] | Parameter
    max_area: float | Parameter = 0.99

    template: ClassVar[str] = "No single feature may have a ROC area of $max_area or more for $column."

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        areas, most = self.areas, _area(self.max_area)
        found = sorted((f for f in areas if areas[f] >= self.max_area), key=lambda f: (-areas[f], f))
        message = f"no feature alone has a ROC area of {most} or more for the label {self.column!r}"
        if found:
            shown = ", ".join(f"{f!r} ({_area(areas[f])})" for f in found[:5]) + more(found, 5)
            message = (
                f"{plural(len(found), 'feature')} alone {_give(self.column, [areas[f] for f in found])}, by ROC area: "
                f"{shown}; expected less than {most}. What is not known before the label must be left out "
                "(data.exclude)"
            )
        table = [{"feature": f, "ROC area": _area(areas[f])} for f in found]
        observed = {"areas": {f: areas[f] for f in found}}
        return Verdict(not found, message, observed, {"max_area": self.max_area}, table)


def _give(column: str, areas: Sequence[float]) -> str:
    """Return the words of the report for features that determine a label entirely, or almost."""
    give, entire = "gives" if len(areas) == 1 else "give", [area >= ENTIRE for area in areas]
    if not any(entire):
        return f"almost {give} the label {column!r} away"
    return f"{give} the label {column!r} away" + ("" if all(entire) else ", or almost")


def _area(area: float) -> str:
    """Return a ROC area to three digits, or four if it would be shown as 1 but is less.

    Examples
    --------
    >>> _area(0.99), _area(0.9998), _area(1.0)
    ('0.99', '0.9998', '1')
    """
    return f"{area:.4g}" if area < 0.99995 else f"{area:.6g}"

"""Judge features that determine the label: pure functions from numbers to a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steelyard.diagnosis import ENTIRE
from steelyard.guards._verdict import Verdict, more, plural


def no_giveaway(column: str, areas: Mapping[str, float], max_area: float) -> Verdict:
    """Judge whether no single feature separates the classes with a ROC area of `max_area` or more."""
    found = sorted((f for f in areas if areas[f] >= max_area), key=lambda f: (-areas[f], f))
    if found:
        shown = ", ".join(f"{f!r} ({area_text(areas[f])})" for f in found[:5]) + more(found, 5)
        message = (
            f"{plural(len(found), 'feature')} alone {_give(column, [areas[f] for f in found])}, by ROC area: {shown}; "
            f"expected less than {area_text(max_area)}. What is not known before the label must be left out "
            "(data.exclude)"
        )
    else:
        message = f"no feature alone has a ROC area of {area_text(max_area)} or more for the label {column!r}"
    table = [{"feature": f, "ROC area": area_text(areas[f])} for f in found]
    return Verdict(not found, message, {"areas": {f: areas[f] for f in found}}, {"max_area": max_area}, table)


def _give(column: str, areas: Sequence[float]) -> str:
    """Return the words of the report for features that determine a label entirely, or almost."""
    give, entire = "gives" if len(areas) == 1 else "give", [area >= ENTIRE for area in areas]
    if not any(entire):
        return f"almost {give} the label {column!r} away"
    return f"{give} the label {column!r} away" + ("" if all(entire) else ", or almost")


def area_text(area: float) -> str:
    """Return a ROC area to three digits, or four if it would be shown as 1 but is less.

    Examples
    --------
    >>> area_text(0.99), area_text(0.9998), area_text(1.0)
    ('0.99', '0.9998', '1')
    """
    return f"{area:.4g}" if area < 0.99995 else f"{area:.6g}"

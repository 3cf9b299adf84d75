"""Judgements on synthetic rows and on scores: pure functions from counts to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steelyard.guards._counts import Bounds, LabelCounts, ScoreCounts
from steelyard.guards._verdict import Verdict, ends, more, named, number, plural


def synthetic_only_in(column: str, counts: LabelCounts, split: str) -> Verdict:
    """Judge whether synthetic rows occur in one split alone."""
    made = counts.synthetic
    outside = [c for c in made.cells if c.split != split and c.count]
    strays = sum(c.count for c in outside)
    if strays:
        where = ", ".join(f"{number(c.count)} of class {c.label!r} in {c.split or 'no split'}" for c in outside[:5])
        message = f"column {column!r} marks as synthetic {plural(strays, 'row')} outside {split!r}: {where}"
        message += f"{more(outside, 5)}; expected none"
    else:
        message = f"all {plural(made.total, 'row')} that column {column!r} marks as synthetic are in {split!r}"
    table = [{"class": c.label, "split": c.split, "synthetic rows": c.count} for c in outside]
    return Verdict(not strays, message, {"outside": strays, "synthetic": made.total}, {"outside": 0}, table)


def within_bounds(ranges: Iterable[Bounds], tolerance: float) -> Verdict:
    """Judge whether each class's synthetic rows stay in the range of its original ones, by feature."""
    bounds = {(b.synthetic, b.label, b.feature): b for b in ranges}
    pairs = [(b, bounds.get((False, b.label, b.feature))) for b in bounds.values() if b.synthetic]
    wrong = [(made, real) for made, real in pairs if _escapes(made, real, tolerance)]
    features = {made.feature for made, _ in pairs}
    if wrong:
        faults = "; ".join(_range_fault(made, real) for made, real in wrong[:5])
        message = f"synthetic rows leave the range of their class: {faults}{more(wrong, 5)}"
    elif pairs:
        message = f"synthetic rows stay in the range of their class in all {len(features)} features"
    else:
        message = "there are no synthetic rows"
    outside = sorted({made.feature for made, _ in wrong})
    observed = {"outside": len(wrong), "checked": len(pairs), "features": outside}
    table = [
        {
            "feature": made.feature,
            "class": made.label,
            "synthetic": _range(made),
            "original": _range(real),
            "missing": made.missing,
        }
        for made, real in wrong
    ]
    return Verdict(not wrong, message, observed, {"outside": 0, "tolerance": tolerance}, table)


def probabilities(column: str, seen: ScoreCounts, classes: Sequence[str] | None) -> Verdict:
    """Judge whether every score is a probability."""
    faults = {
        "null": seen.null,
        "NaN": seen.nan,
        "below 0": seen.below,
        "above 1": seen.above,
        "without a sum of 1": seen.wrong_sum,
        f"of other classes than {named(classes or ())}": seen.wrong_classes,
    }
    found = {what: n for what, n in faults.items() if n}
    if found:
        shown = ", ".join(f"{number(n)} {what}" for what, n in found.items())
        message = f"column {column!r} holds, among {number(seen.rows)} scores, {shown}"
        message += f" (they lie in {ends(seen.low, seen.high)}); expected numbers in [0, 1]"
    else:
        message = f"all {number(seen.rows)} scores in column {column!r} are in {ends(seen.low, seen.high)}"
    observed = {"rows": seen.rows, "min": seen.low, "max": seen.high, **found}
    table = [{"fault": what, "rows": n} for what, n in found.items()]
    return Verdict(not found and seen.rows > 0, message, observed, {"min": 0, "max": 1, "null": 0}, table)


def _escapes(made: Bounds, real: Bounds | None, tolerance: float) -> bool:
    if made.missing and not (real and real.missing):
        return True
    if made.low is None or made.high is None:
        return False
    if real is None or real.low is None or real.high is None:
        return True
    # Beside the allowed share of the range, rounding in the last digits of an interpolation is no escape.
    slack = tolerance * (real.high - real.low) + 1e-12 * max(abs(real.low), abs(real.high))
    return made.low < real.low - slack or made.high > real.high + slack


def _range_fault(made: Bounds, real: Bounds | None) -> str:
    missing = f" and {number(made.missing)} missing" if made.missing and not (real and real.missing) else ""
    place = f"column {made.feature!r} of class {made.label!r}"
    return f"{place} in {_range(made)}{missing}, expected in {_range(real)}"


def _range(bounds: Bounds | None) -> str:
    return ends(bounds.low, bounds.high) if bounds else "no row"

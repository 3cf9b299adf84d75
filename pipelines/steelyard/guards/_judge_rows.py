"""Judgements on synthetic rows and on scores: pure functions from counts to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steelyard.guards._counts import Bounds, LabelCounts, ScoreCounts
from steelyard.guards._verdict import Verdict, ends, more, named, number, plural
from steelyard.kernels.drift import count_interval


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


def whole_numbers(ranges: Iterable[Bounds]) -> Verdict:
    """Judge whether synthetic rows have whole numbers in the features where all original rows have."""
    whole: dict[str, bool] = {}
    broken: dict[str, int] = {}
    for b in ranges:
        if b.synthetic:
            broken[b.feature] = broken.get(b.feature, 0) + b.fractional
        elif b.low is not None:
            whole[b.feature] = whole.get(b.feature, True) and not b.fractional
    wrong = {f: n for f, n in broken.items() if n and whole.get(f)}
    if wrong:
        shown = [f"column {f!r} in {plural(n, 'row')}" for f, n in wrong.items()]
        message = "synthetic rows have fractions where original rows have whole numbers: "
        message += ", ".join(shown[:5]) + more(shown, 5)
        message += "; make it an integer column, or a category"
    else:
        message = f"synthetic rows keep whole numbers in all {plural(sum(whole.values()), 'feature')} that hold them"
    table = [{"feature": f, "synthetic rows": n} for f, n in wrong.items()]
    return Verdict(not wrong, message, {"broken": wrong}, {"broken": {}}, table)


def prevalence(
    column: str,
    positive: str,
    scores: Mapping[str | None, ScoreCounts],
    labels: LabelCounts,
    max_change: float,
    confidence: float,
) -> Verdict:
    """Judge the mean score over the share of the positive class, in each split.

    A split fails only where the whole exact interval of the ratio (Garwood's, for the number of positives) is outside
    [1 - max_change, 1 + max_change]. Confidence is that of all splits together (Bonferroni).
    """
    splits = [s for s in scores if s is not None]
    each = 1 - (1 - confidence) / max(len(splits), 1)
    rows = [_prevalence_row(s, scores[s], labels.within(s).by_class.get(positive, 0), each) for s in sorted(splits)]
    low, high = 1 - max_change, 1 + max_change
    wrong = [r for r in rows if r["low"] > high or (r["high"] is not None and r["high"] < low)]
    wanted = f"{low:.3g} to {high:.3g} times"
    if wrong:
        faults = "; ".join(_prevalence_fault(r) for r in wrong)
        message = f"the mean of column {column!r} isn't the share of class {positive!r}: {faults}; expected {wanted}"
    elif rows:
        shown = ", ".join(f"{r['predicted']:.4g} for {r['observed']:.4g} in {r['split']!r}" for r in rows)
        message = f"the mean of column {column!r} is near the share of class {positive!r}: {shown}"
    else:
        message = f"no row is in a split, so the mean of column {column!r} cannot be judged"
    seen = {r["split"]: {"predicted": r["predicted"], "observed": r["observed"]} for r in rows}
    return Verdict(bool(rows) and not wrong, message, seen, {"min": low, "max": high}, wrong)


def _prevalence_row(split: str, scores: ScoreCounts, positives: int, confidence: float) -> dict[str, Any]:
    least, most = count_interval(positives, confidence)
    rows = max(scores.rows, 1)
    return {
        "split": split,
        "predicted": scores.total / rows,
        "observed": positives / rows,
        "positives": positives,
        "low": scores.total / most,
        "high": scores.total / least if least else None,
    }


def _prevalence_fault(row: Mapping[str, Any]) -> str:
    high = "∞" if row["high"] is None else f"{row['high']:.3g}"
    seen = f"{row['predicted']:.4g} in {row['split']!r}, where {row['observed']:.4g} of the rows are of it"
    return f"{seen} (ratio with an interval from {row['low']:.3g} to {high})"


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
        message += f" (range {ends(seen.low, seen.high)}); expected numbers in [0, 1]"
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
    # In addition to the tolerance, allow for rounding in the last digits of an interpolation.
    slack = tolerance * (real.high - real.low) + 1e-12 * max(abs(real.low), abs(real.high))
    return made.low < real.low - slack or made.high > real.high + slack


def _range_fault(made: Bounds, real: Bounds | None) -> str:
    missing = f" and {number(made.missing)} missing" if made.missing and not (real and real.missing) else ""
    place = f"column {made.feature!r} of class {made.label!r}"
    return f"{place} in {_range(made)}{missing}, expected in {_range(real)}"


def _range(bounds: Bounds | None) -> str:
    return ends(bounds.low, bounds.high) if bounds else "no row"

"""The sections on the scores: precision-recall and ROC curves, calibration and distribution."""

from __future__ import annotations

from markupsafe import Markup

from steelyard.metrics import class_shares
from steelyard.report import _charts
from steelyard.report._artifacts import Artifacts
from steelyard.report._charts import Curve, Point
from steelyard.report._html import Section, figure, folded, legend, note, pair, table
from steelyard.report._numbers import NONE, count, interval, number, value
from steelyard.report._svg import group

_MOST_CURVES = 7


def curves(found: Artifacts) -> Section | None:
    """Return precision-recall and ROC curves."""
    lines = _lines(found)
    if not lines:
        return None
    positive = found.positive
    share = class_shares(found.test)[positive] if positive is not None and found.test else None
    at = _point(found)
    entries = [(c.style, c.name) for c in lines]
    marks = [("point", "the decisions of this run")] if at else []
    base = [("base", "guessing")] if positive is not None else []
    shown = pair(
        figure("Precision and recall", _charts.precision_recall(lines, share, at), legend(*entries, *base, *marks)),
        figure("ROC", _charts.roc(lines, at), legend(*entries, ("base", "guessing"), *marks)),
    )
    text = "Each class against all others, the rarest classes first. " if positive is None else ""
    left = len(found.curves.get("test", {})) - len(lines)
    if positive is None and left > 0:
        text += f"{left} more classes are not shown. "
    text += "A ROC curve looks good even if most alarms are false: with rare positives, use the left picture."
    return Section("curves", "Curves", group(shown, note(text)))


def _lines(found: Artifacts) -> list[Curve]:
    test = {c: d for c, d in (found.curves.get("test") or {}).items() if d}
    if found.positive is not None:
        seen = found.curves.get("validation", {}).get(found.positive)
        lines = [Curve("validation rows", "s1 thin dashed", seen)] if seen else []
        return [*lines, *(Curve("test rows", "s0", d) for d in test.values())]
    rarest = sorted(test, key=lambda c: test[c]["prevalence"])[:_MOST_CURVES]
    return [Curve(f"class {c}", f"s{i}", test[c]) for i, c in enumerate(rarest)]


def _point(found: Artifacts) -> Point | None:
    if found.positive is None or not found.test:
        return None
    of = found.test["per_class"][found.positive]
    recall, specificity = value(of["recall"]), value(of["specificity"])
    if recall is None or specificity is None:
        return None
    return Point(recall, value(of["precision"]), 1 - specificity)


def probabilities(found: Artifacts) -> Section | None:
    """Return the calibration of the scores, and their distribution."""
    lines = [
        c
        for c in _lines(found)
        if (bins := c.data.get("calibration")) and min(bins["predicted"]) >= 0 and max(bins["predicted"]) <= 1
    ]
    if not lines or (found.metrics.get("decision") or {}).get("probabilities") is False:
        return None
    text = "Rows in bins of equal size; the tenth with the highest scores is in finer bins. "
    text += "On the line, scores are calibrated probabilities."
    if found.training.get("calibration"):
        text += f" Calibration: {found.training['calibration']}."
    known = found.training.get("uncertainty")
    if known:
        width, rows = number(known["median_width"]), count(known["rows"])
        text += f" The intervals of probabilities have a median width of {width}, from {rows} validation rows."
    honest = figure(
        "Predicted and observed",
        _charts.calibration(lines),
        legend(*((f"dot {c.colour}", c.name) for c in lines), ("base", "calibrated")),
        note=text,
    )
    data = found.curves["test"].get(found.positive or "")
    if not data:
        return Section("probabilities", "Probabilities", group(honest, _candidates(found)))
    spread = figure(
        "Scores of positives and negatives",
        _charts.histogram(data),
        legend(("fill-base", "negatives"), ("fill0", "positives")),
        note="On test rows, on a logarithmic scale; the bars of each class add up to 1.",
    )
    return Section("probabilities", "Probabilities", group(pair(honest, spread), _candidates(found)))


def _candidates(found: Artifacts) -> Markup:
    """Return the table of calibrations that were compared on validation rows."""
    tried = found.training.get("candidates")
    if not tried:
        return Markup("")
    last = str(found.training["calibration"]).rpartition("+")[2]
    used = last if last in {c["method"] for c in tried} else "none"
    rows = [
        [
            c["method"],
            number(c["log_loss"]),
            *([NONE, NONE] if c["method"] == "none" else [number(c["gain"]), interval(c, number)]),
            "used" if c["method"] == used else "",
        ]
        for c in tried
    ]
    said = (
        "Calibrations compared by log loss on validation rows, each fitted without the fold that judges it. The gain "
        "is over no calibration, after a correction that is exact."
    )
    head = ["calibration", "log loss", "gain", "95 % interval", ""]
    return folded("Calibrations compared", group(note(said), table(head, rows, "lrrrl")))

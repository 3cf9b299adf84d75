"""The sections on the model's results: metrics, curves, threshold, confusion, calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from steelyard.config import rule_text
from steelyard.metrics import Metric, all_metrics, always_majority, class_shares
from steelyard.report import _charts
from steelyard.report._artifacts import Artifacts
from steelyard.report._charts import Curve, Point
from steelyard.report._decision import decision_rule
from steelyard.report._html import Section, figure, folded, legend, note, pair, table
from steelyard.report._numbers import NONE, count, interval, metric, number, percent, value
from steelyard.report._svg import group

_MOST_CELLS = 25
_MOST_CURVES = 7


def metrics(found: Artifacts) -> Section | None:
    """Return the table of headline metrics."""
    if not found.test:
        return None
    body = _binary_metrics(found, str(found.positive)) if found.positive is not None else _mean_metrics(found)
    return Section("metrics", "Metrics on test rows", body)


def _binary_metrics(found: Artifacts, positive: str) -> Markup:
    test, seen = found.test, found.metrics["splits"].get("validation") or {}
    rows: dict[Metric, list[object]] = {}
    for m in all_metrics():
        now, before = _number(test, m, positive), _number(seen, m, positive)
        if now is not None and not (m.needs == "costs" and value(now) is None):
            rows[m] = [_named(m), *_figures(now, m, always_majority(test, m.name, positive)), metric(value(before))]
    head = ["metric", "model", "95 % interval", "always the majority", "", "validation"]
    single = found.metrics.get("threshold") is not None
    chosen = "The threshold was chosen" if single else "The decisions were set up"
    text = (
        f"The positive class is {found.label} = {positive}. {chosen} on validation rows and evaluated on test rows, "
        "which were used for nothing else. In the pictures, the dot is the model with its interval, and "
        "the vertical line is “always the majority”, the decision that accuracy rewards."
    )
    if found.drawn_together:
        text += f" Intervals resample whole {found.drawn_together}, because rows within one are similar."
    return group(
        note(text),
        table(head, [row for m, row in rows.items() if m.headline], "wrrrlr"),
        folded("More metrics", table(head, [row for m, row in rows.items() if not m.headline], "wrrrlr")),
        _bounds_note(test, positive),
    )


def _number(split: Mapping[str, Any], m: Metric, positive: str | None, mean: str = "macro") -> dict[str, Any] | None:
    """Return a metric of a split: of the positive class, or with several classes a mean; None if it does not exist."""
    own: Mapping[str, Any] = split.get(mean, {}) if positive is None else split.get("per_class", {}).get(positive, {})
    return (own if m.scope == "class" else split).get(m.name)


def _named(m: Metric, meaning: str | None = None) -> Markup:
    words = (meaning or m.description) + ("" if m.greater_is_better else "; less is better")
    return Markup("{}<small>{}</small>").format(m.label, words)


def _figures(now: Mapping[str, Any], m: Metric, base: float | None) -> list[object]:
    shown = metric(value(now))
    between: object = interval(now)
    if not now.get("ci95"):
        between = Markup("<small>{}</small>").format(now.get("note") or "too little data")
    line = m.greater_is_better and math.isfinite(m.range[1]) and value(now) is not None
    drawn = _charts.whisker(now, base, m.range) if line else ""
    return [Markup("<b>{}</b>").format(shown), between, metric(base), drawn]


def _bounds_note(test: Mapping[str, Any], positive: str) -> Markup | str:
    """Return the error bounds of numbers from binned scores."""
    numbers = {**test["per_class"][positive], **{k: v for k, v in test.items() if isinstance(v, Mapping)}}
    loose = {k: v["bounds"] for k, v in numbers.items() if isinstance(v, Mapping) and v.get("bounds")}
    if not loose:
        return ""
    words = "; ".join(f"{k} {number(low)} to {number(high)}" for k, (low, high) in loose.items())
    return note(f"There are too many distinct scores, so they are binned. Exact values are within: {words}.")


def _mean_metrics(found: Artifacts) -> Markup:
    """Return means over the classes, with those of "always the majority"."""
    head = ["metric", "model", "95 % interval", "always the majority", ""]
    means = "mean over the classes, equally weighted"
    whole, own = ([m for m in all_metrics() if m.scope == scope] for scope in ("split", "class"))
    return group(
        note("Means over the classes: “always the majority” finds one class and none of the others."),
        table(head, [*_mean_rows(found.test, own, "macro", means), *_mean_rows(found.test, whole)], "wrrrl"),
        folded(
            "Means weighted by the size of the classes",
            table(head, _mean_rows(found.test, own, "weighted", "mean over the classes, weighted by rows"), "wrrrl"),
        ),
    )


def _mean_rows(
    test: Mapping[str, Any], metrics: Sequence[Metric], mean: str = "macro", meaning: str | None = None
) -> list[list[object]]:
    pairs = [(m, now) for m in metrics if (now := _number(test, m, None, mean)) is not None]
    return [
        [_named(m, meaning), *_figures(now, m, always_majority(test, m.name, None, mean))]
        for m, now in pairs
        if value(now) is not None
    ]


def classes(found: Artifacts) -> Section | None:
    """Return the metrics of each class."""
    if not found.test:
        return None
    per_class, support = found.test["per_class"], found.test["support"]
    shown = [m for m in all_metrics() if any(m.name in of for of in per_class.values())]
    rows = [
        [c, count(support[c]), *(_with_interval((per_class.get(c) or {}).get(m.name)) for m in shown)]
        for c in sorted(support, key=lambda c: support[c])
    ]
    head = ["class", "test rows", *(m.label for m in shown)]
    body = group(
        table(head, rows, "l" + "r" * (len(head) - 1)),
        note("The rarest class comes first; below each number, its 95 % interval."),
    )
    return Section("per-class", "Class by class", body)


def _with_interval(figure: Mapping[str, Any] | None) -> Markup:
    if value(figure) is None:
        return Markup(NONE)
    below = interval(figure) if figure and figure.get("ci95") else ""
    return Markup("{}<small>{}</small>").format(metric(value(figure)), below)


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


def decisions(found: Artifacts) -> Section | None:
    """Return the decisions by class, and their dependence on the threshold."""
    if not found.test:
        return None
    matrix: Mapping[str, Mapping[str, int]] = found.test["confusion"]
    confusion = _matrix(matrix) if len(matrix) <= _MOST_CELLS else _most_confused(matrix)
    data = (found.curves.get("test") or {}).get(found.positive or "")
    if not data:
        return Section("decisions", "Decisions", confusion)
    lower = "expected cost per row" if "expected_cost" in data["thresholds"] else "alarms"
    chosen = [("mark", "chosen threshold")] if found.metrics.get("threshold") is not None else []
    over = figure(
        "Threshold against precision, recall and " + ("alarms" if lower == "alarms" else "expected cost"),
        _charts.thresholds(data, found.metrics.get("threshold")),
        legend(("s0", "precision"), ("s1 dashed", "recall"), ("s2", lower), *chosen),
        note=_threshold_note(found),
    )
    return Section("decisions", "Decisions", group(pair(over, figure("Confusion", confusion)), decision_rule(found)))


def _threshold_note(found: Artifacts) -> str:
    chosen = found.training.get("threshold") or {}
    if chosen.get("rule") == "per_row_cost":
        return (
            "On test rows, for single thresholds. The decisions have no single one: a row raises an alarm if its "
            "expected cost is then lower."
        )
    if "top" in ((chosen.get("rule") or {}).get("alerts") or {}):
        return f"On test rows, for single thresholds. The decisions have no single one: {rule_text(chosen['rule'])}."
    text = "On test rows. A row raises an alarm if its score is at least the threshold."
    if chosen.get("rule"):
        text += f" The threshold was chosen on validation rows by the rule “{rule_text(chosen['rule'])}”."
    return f"{text} {chosen['note']}" if chosen.get("note") else text


def _matrix(matrix: Mapping[str, Mapping[str, int]]) -> Markup:
    names = list(matrix)
    rows = []
    for actual in names:
        total = sum(matrix[actual].values())
        cells = [_cell(matrix[actual][d], total, right=d == actual) for d in names]
        rows.append([Markup("<small>actually</small> {}").format(actual), *cells, count(total)])
    head = ["", *(Markup("<small>decided</small> {}").format(d) for d in names), "rows"]
    body = table(head, rows, "l" + "r" * (len(names) + 1))
    return group(
        Markup('<div class="matrix">{}</div>').format(body),
        note("Below each count, its share of the row; right decisions are on the diagonal."),
    )


def _cell(rows: int, total: int, *, right: bool) -> Markup:
    share = rows / total if total else 0.0
    # The square root keeps single errors visible next to thousands of right decisions.
    heat = round(70 * share**0.5)
    tone = "right" if right else "wrong"
    return Markup('<span class="cell {}" style="--heat:{}%">{}<small>{}</small></span>').format(
        tone, heat, count(rows), percent(share) if total else NONE
    )


def _most_confused(matrix: Mapping[str, Mapping[str, int]]) -> Markup:
    wrong = [(n, actual, d) for actual, row in matrix.items() for d, n in row.items() if d != actual and n]
    top = sorted(wrong, key=lambda w: (-w[0], w[1], w[2]))[:_MOST_CELLS]
    rows = [[a, d, count(n), percent(n / sum(matrix[a].values()))] for n, a, d in top]
    text = f"With {len(matrix)} classes, the {len(top)} most frequent kinds of error, of {count(len(wrong))}."
    return group(note(text), table(["actually", "decided", "rows", "of the class"], rows, "llrr"))


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

"""The charts of a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from steelyard.report._numbers import count, metric, number, percent, shortened
from steelyard.report._svg import Plot, Scale, drawing, group, logit_scale, tag

WIDTH, HEIGHT = 480.0, 330.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 458.0, 30.0, 284.0
_LOG_FROM = 30  # from this ratio on, bars of equal units would leave the smaller ones invisible


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its name in the legend, its style, and a class's curves of `SplitMetrics.curves`.

    The style is a colour from `s0` to `s7`, and `thin` or `dashed`.
    """

    name: str
    style: str
    data: Mapping[str, Any]

    @property
    def colour(self) -> str:
        """The first part of the style."""
        return self.style.split()[0]


@dataclass(frozen=True)
class Point:
    """The decisions of the run as a point on a curve."""

    recall: float
    precision: float | None
    false_positive_rate: float


def _square() -> Plot:
    return Plot(Scale(0, 1, _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP), WIDTH, HEIGHT)


def precision_recall(curves: Sequence[Curve], prevalence: float | None, at: Point | None) -> Markup:
    """Return the precision-recall curves with the level of guessing."""
    plot = _square()
    parts = [plot.axes("recall: share of the positives that are found", "precision")]
    text = "Precision against recall."
    if prevalence is not None:
        parts.append(plot.line([0, 1], [prevalence] * 2, "base"))
        text += f" Guessing reaches a precision of {number(prevalence)}, the share of positives."
    parts += [plot.line(c.data["pr"]["recall"], c.data["pr"]["precision"], c.style, steps=True) for c in curves]
    if at is not None and at.precision is not None:
        words = f"decided: recall {metric(at.recall)}, precision {metric(at.precision)}"
        parts.append(plot.dot(at.recall, at.precision, "point", 5, words))
        text += f" The chosen threshold lies at recall {metric(at.recall)} and precision {metric(at.precision)}."
    return drawing("pr", WIDTH, HEIGHT, "Precision-recall curve", text, *parts)


def roc(curves: Sequence[Curve], at: Point | None) -> Markup:
    """Return the ROC curves above the diagonal of guessing."""
    plot = _square()
    parts = [plot.axes("false-positive rate: share of the negatives that raise an alarm", "recall")]
    parts.append(plot.line([0, 1], [0, 1], "base"))
    parts += [plot.line(c.data["roc"]["fpr"], c.data["roc"]["tpr"], c.style) for c in curves]
    if at is not None:
        words = f"decided: recall {metric(at.recall)}, false-positive rate {metric(at.false_positive_rate)}"
        parts.append(plot.dot(at.false_positive_rate, at.recall, "point", 5, words))
    text = "Recall against the false-positive rate; guessing lies on the diagonal."
    return drawing("roc", WIDTH, HEIGHT, "ROC curve", text, *parts)


def thresholds(data: Mapping[str, Any], chosen: float | None) -> Markup:
    """Return precision and recall over the threshold, and below them the cost of the decisions, or the alarms."""
    table = data["thresholds"]
    xs = table["threshold"]
    inside = min(xs) >= 0 and max(xs) <= 1
    known = [*xs, chosen] if chosen is not None else xs
    across = logit_scale(known, _LEFT, _RIGHT) if inside else Scale(min(known), max(known), _LEFT, _RIGHT)
    upper = Plot(across, Scale(0, 1, 236, 30), WIDTH, 460)
    costs = "expected_cost" in table
    lower_values = table["expected_cost" if costs else "alarms"]
    lower_name = "expected cost per row" if costs else "alarms, as a share of all rows"
    lower = Plot(across, Scale(0, max(lower_values) * 1.05 or 1.0, 414, 274), WIDTH, 460)
    parts = [upper.axes(None, "precision and recall"), lower.axes("threshold on the score", lower_name)]
    parts.append(upper.line(xs, table["precision"], "s0"))
    parts.append(upper.line(xs, table["recall"], "s1 dashed"))
    parts.append(lower.line(xs, lower_values, "s2"))
    text = f"Precision, recall and {lower_name} over the threshold."
    if chosen is not None:
        parts += [upper.upright(chosen, f"chosen: {number(chosen)}"), lower.upright(chosen, "")]
        text += f" The chosen threshold is {number(chosen)}."
    return drawing("thresholds", WIDTH, 460, "Threshold against precision, recall and expected cost", text, *parts)


def net_benefit(curve: Sequence[Mapping[str, Any]], chosen: float | None) -> Markup:
    """Return the net benefit over the threshold, with its interval, and that of an alarm on every row."""
    xs = [of["threshold"] for of in curve]
    model = [1000 * of["model"]["value"] for of in curve]
    every = [1000 * of["all"] for of in curve]
    given = [of["model"]["ci95"] for of in curve]
    ends = [(v, v) if of is None else (1000 * of[0], 1000 * of[1]) for of, v in zip(given, model, strict=True)]
    top = max(*(high for _, high in ends), every[0], 1e-9) * 1.05
    plot = Plot(logit_scale(xs, _LEFT, _RIGHT), Scale(-top / 4, top, _BOTTOM, _TOP), WIDTH, HEIGHT)
    parts = [plot.axes("threshold on the score", "net benefit per 1,000 rows")]
    parts.append(plot.line(xs, [0.0] * len(xs), "base"))
    shown = sum(of >= -top / 4 for of in every) + 1  # it falls with the threshold
    parts.append(plot.line(xs[:shown], every[:shown], "s1 dashed"))
    parts += [plot.line(xs, [end[i] for end in ends], "s0 thin dashed") for i in (0, 1)]
    parts.append(plot.line(xs, model, "s0"))
    if chosen is not None and plot.x.low < chosen < plot.x.high:
        parts.append(plot.upright(chosen, f"chosen: {number(chosen)}"))
    text = "Net benefit over the threshold, against an alarm on every row and no alarm at all."
    return drawing("net-benefit", WIDTH, HEIGHT, "Net benefit", text, *parts)


def calibration(curves: Sequence[Curve]) -> Markup:
    """Return the observed share of positives over the predicted one; both axes logarithmic if positives are rare."""
    rare = _rare([v for c in curves for axis in ("predicted", "observed") for v in c.data["calibration"][axis]])
    plot = _square()
    if rare is not None:
        plot = replace(plot, x=Scale(rare, 1, _LEFT, _RIGHT, "log"), y=Scale(rare, 1, _BOTTOM, _TOP, "log"))
    parts = [plot.axes("mean predicted probability", "share of positives")]
    parts.append(plot.line([plot.x.low, 1], [plot.x.low, 1], "base"))
    for curve in curves:
        data = curve.data["calibration"]
        for p, o, share in zip(data["predicted"], data["observed"], data["share"], strict=True):
            hollow = " hollow" if o < plot.y.low else ""
            words = f"predicted {metric(p)}, observed {metric(o)}, {percent(share)} of the rows"
            radius = 3.0 if "thin" in curve.style else 4.0
            parts.append(plot.dot(p, o, f"dot {curve.colour}{hollow}", radius, words))
    text = "Share of positives in bins of rows over their mean predicted probability; honest ones lie on the diagonal."
    if rare is not None:
        text += f" Hollow points are below {number(rare)}."
    return drawing("calibration", WIDTH, HEIGHT, "Calibration", text, *parts)


def _rare(values: Sequence[float]) -> float | None:
    """Return the start of logarithmic axes, or None for linear ones."""
    shown = sorted(v for v in values if v > 0)
    if not shown or shown[len(shown) // 2] > 0.1:
        return None
    return 10.0 ** max(-6, math.floor(math.log10(shown[0])))


def histogram(data: Mapping[str, Any]) -> Markup:
    """Return the distributions of the scores of positives and of negatives."""
    bins = data["histogram"]
    edges = bins["edges"]
    shares = [s for side in ("negative", "positive") for s in bins[side] if s > 0]
    low = 10.0 ** max(-6, math.floor(math.log10(min(shares))))
    plot = Plot(Scale(edges[0], edges[-1], _LEFT, _RIGHT), Scale(low, 1, _BOTTOM, _TOP, "log"), WIDTH, HEIGHT)
    parts = [plot.axes("score", "share of the class's rows")]
    for side, style in (("negative", "fill-base"), ("positive", "fill0")):
        for start, end, share in zip(edges[:-1], edges[1:], bins[side], strict=True):
            if share > 0:
                left, width = plot.x(start), plot.x(end) - plot.x(start)
                inset = 0 if side == "negative" else width * 0.15
                top = plot.y(max(share, low * 1.02))
                words = f"{side}: {percent(share)} of them score {number(start)} to {number(end)}"
                box = {"x": left + inset, "y": top, "width": width - 2 * inset, "height": _BOTTOM - top}
                parts.append(tag("rect", tag("title", words), **box, class_=style))
    text = "Shares of positives and negatives in each range of scores, on a logarithmic scale."
    return drawing("histogram", WIDTH, HEIGHT, "Scores of positives and negatives", text, *parts)


def class_bars(before: Mapping[str, int], after: Mapping[str, int], made: Mapping[str, int]) -> Markup:
    """Return training rows of each class before and after resampling; `made` of the latter are synthetic."""
    most = max([*before.values(), *after.values(), 1])
    least = min([v for v in (*before.values(), *after.values()) if v > 0], default=1)
    logarithmic = most / least > _LOG_FROM
    low = 10.0 ** math.floor(math.log10(least)) / 2 if logarithmic else 0.0
    x = Scale(low, float(most), 140, 700, "log" if logarithmic else "linear")
    # Parts of a bar cannot be compared on a logarithmic scale: there, synthetic rows have a bar of their own.
    apart = logarithmic and any(made.values())
    step = 80.0 if apart else 58.0
    parts: list[Markup] = []
    for i, name in enumerate(before):
        y, new = 10 + i * step, made.get(name, 0)
        parts.append(tag("text", shortened(name, 18), x=130.0, y=y + 26, text_anchor="end", class_="label"))
        parts += _bar(x, y, before[name], 0, "before")
        parts += _bar(x, y + 22, after.get(name, 0), 0 if apart else new, "after")
        parts += _bar(x, y + 44, new, new, "synthetic") if apart else []
    text = "; ".join(f"class {c}: {count(before[c])} before, {count(after.get(c, 0))} after" for c in before)
    scale = "logarithmic scale" if logarithmic else "linear scale"
    height = len(before) * step + 6
    title = f"Training rows of each class before and after resampling ({scale})"
    return drawing("classes", 860, height, title, text, *parts)


def _bar(x: Scale, y: float, rows: int, made: int, what: str) -> list[Markup]:
    """Return a bar whose last `made` rows are synthetic."""
    end = x(rows) if rows else x.start
    parts = [tag("rect", x=x.start, y=y, width=max(end - x.start, 1.0), height=18, class_=f"bar {what}")]
    if made:
        start = x(rows - made) if rows > made else x.start
        parts.append(tag("rect", x=start, y=y, width=max(end - start, 1.0), height=18, class_="bar made"))
    note = f"{count(rows)} {what}" + (f", {count(made)} of them synthetic" if 0 < made < rows else "")
    parts.append(tag("text", note, x=end + 6, y=y + 13.5, class_="tick"))
    return parts


def importances(ranked: Sequence[tuple[str, float]], shown: Callable[[float], str]) -> Markup:
    """Return the features that the model gains most from."""
    most = max((gain for _, gain in ranked), default=0.0) or 1.0
    x = Scale(0, most, 290, 720)
    parts: list[Markup] = []
    for i, (name, gain) in enumerate(ranked):
        y = 6 + i * 22.0
        parts.append(tag("text", shortened(name, 32), x=282.0, y=y + 12, text_anchor="end", class_="label"))
        parts.append(tag("rect", x=290, y=y, width=max(x(gain) - 290, 1.0), height=15, class_="bar after"))
        parts.append(tag("text", shown(gain), x=x(gain) + 6, y=y + 12, class_="tick"))
    text = ", ".join(f"{name} {shown(gain)}" for name, gain in ranked)
    return drawing("importances", 800, len(ranked) * 22.0 + 8, "Importance of features", text, *parts)


def whisker(figure: Mapping[str, Any], reference: float | None, limits: tuple[float, float] = (0.0, 1.0)) -> Markup:
    """Return a number with its interval on a line between limits, and a tick at the reference."""
    x = Scale(*limits, 4, 136)
    parts = [tag("line", x1=4, x2=136, y1=9, y2=9, class_="grid")]
    if figure.get("ci95"):
        start, end = figure["ci95"]
        parts.append(tag("line", x1=x(start), x2=x(end), y1=9, y2=9, class_="span"))
    if reference is not None:
        parts.append(tag("line", x1=x(reference), x2=x(reference), y1=3, y2=15, class_="reference"))
    parts.append(tag("circle", cx=x(figure["value"]), cy=9, r=4, class_="value"))
    return tag("svg", group(*parts), viewBox="0 0 140 18", class_="whisker", aria_hidden="true")


def boxes(by_class: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Return a box for each class: the middle half, the median, and whiskers from the 5th to the 95th percentile."""
    found = [q for of in by_class.values() if (q := of.get("quantiles")) and q["0.5"] is not None]
    if not found:
        return Markup("")
    low, high = min(q["0.05"] for q in found), max(q["0.95"] for q in found)
    x = Scale(low, high if high > low else low + 1, 4, 156)
    parts = []
    for i, q in enumerate(found):
        y, style = 7 + i * 13.0, f"s{'b' if i == 0 else i - 1}"
        parts.append(tag("line", x1=x(q["0.05"]), x2=x(q["0.95"]), y1=y, y2=y, class_=f"wire {style}"))
        start, end = x(q["0.25"]), x(q["0.75"])
        parts.append(tag("rect", x=start, y=y - 4, width=max(end - start, 1.5), height=8, class_=f"box {style}"))
        parts.append(tag("line", x1=x(q["0.5"]), x2=x(q["0.5"]), y1=y - 4, y2=y + 4, class_="median"))
    height = 1 + 13 * len(found)
    return tag("svg", group(*parts), viewBox=f"0 0 160 {height}", class_="boxes", aria_hidden="true")

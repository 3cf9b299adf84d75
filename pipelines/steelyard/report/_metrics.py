"""The sections on the metrics of the model, and on those of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from steelyard.metrics import Metric, all_metrics, always_majority
from steelyard.report import _charts
from steelyard.report._artifacts import Artifacts
from steelyard.report._html import Section, folded, note, table
from steelyard.report._numbers import NONE, count, interval, metric, number, value
from steelyard.report._svg import group


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

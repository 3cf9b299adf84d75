"""The section on the difficulty of the rarest class, and the verdict's sentence about resampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from steelyard.report._artifacts import Artifacts
from steelyard.report._html import Section, figure, note, pill, table
from steelyard.report._numbers import count, metric, number, percent
from steelyard.report._svg import Scale, drawing, group, tag

_TYPES = {
    "safe": ("Safe", "4 or 5 of the 5 nearest rows are of the class"),
    "borderline": ("Borderline", "2 or 3 are"),
    "rare": ("Rare", "1 is, and that one is isolated too"),
    "outlier": ("Outlier", "none is"),
}


def difficulty(found: Artifacts) -> Section | None:
    """Return the findings of `diagnose` on training rows."""
    of = found.difficulty
    if not of:
        return None
    types, name = of["types"], of["class"]
    body = [
        note(f"Training rows of class {name}, the rarest. {_looked_at(types)}"),
        figure(f"Neighbourhoods of the rows of class {name}", _bars(types)),
        table(["measure", "", "meaning"], _measures(of), "lrw"),
        *_suspects(of["suspects"]),
        *_advice(found),
    ]
    return Section("difficulty", "How hard is the rare class", group(*body))


def _looked_at(types: Mapping[str, Any]) -> str:
    if types["sampled"] == types["rows"]:
        return f"All {count(types['rows'])} were examined: the shares are exact, not estimates."
    text = f"{count(types['sampled'])} of {count(types['rows'])} were drawn by hash and examined; the lines are "
    text += "95 % intervals of the share in the whole class."
    if types["limited"]:
        text += " More would cost too much in a table of this size; the neighbours are exact."
    return text


def _bars(types: Mapping[str, Any]) -> Markup:
    x = Scale(0, 1, 330, 700)
    parts: list[Markup] = []
    for i, (name, (title, meaning)) in enumerate(_TYPES.items()):
        of, y = types[name], 6 + i * 34.0
        low, high = of["ci95"]
        parts.append(tag("text", title, x=320.0, y=y + 10, text_anchor="end", class_="label"))
        parts.append(tag("text", meaning, x=320.0, y=y + 24, text_anchor="end", class_="tick"))
        parts.append(tag("rect", x=330, y=y + 2, width=max(x(of["share"]) - 330, 1.0), height=18, class_=f"bar {name}"))
        if high > low:
            parts.append(tag("line", x1=x(low), x2=x(high), y1=y + 11, y2=y + 11, class_="mark"))
        between = f" ({percent(low)} – {percent(high)})" if high > low else ""
        words = f"{percent(of['share'])}{between}, {count(of['rows'])} rows"
        parts.append(tag("text", words, x=x(max(high, of["share"])) + 8, y=y + 15, class_="tick"))
    text = "; ".join(f"{n}: {percent(types[n]['share'])}" for n in _TYPES)
    return drawing("types", 900, 4 * 34.0 + 6, "Types of the rare rows", text, *parts)


def _measures(of: Mapping[str, Any]) -> list[list[object]]:
    overlap, torn, imbalance = of["overlap"], of["contradictions"], of["imbalance"]
    where = f" The best is {overlap['feature']}." if overlap["feature"] is not None else ""
    return [
        ["Imbalance ratio", number(imbalance["ratio"]), "rows of the largest class for one of the rarest"],
        ["F1, overlap", metric(overlap["f1"]), f"0 if a single number separates the class, 1 if none does.{where}"],
        [
            "N3",
            percent(overlap["n3"]["share"]),
            "of its rows are nearest to a row of another class: the error of a 1-nearest-neighbour rule",
        ],
        [
            "Contradictions",
            count(torn["rows"]),
            f"rows have the features of a row of another class; {count(torn['of_class'])} of them are of this class",
        ],
    ]


def _suspects(suspects: list[Mapping[str, Any]]) -> list[Markup]:
    if not suspects:
        return [note("No single feature determines the label (ROC area of each below 0.99).")]
    missing = [[percent(s["missing"][side]) for side in ("class", "rest")] for s in suspects]
    rows = [[s["feature"], metric(s["area"]), _how(s), *of] for s, of in zip(suspects, missing, strict=True)]
    text = "Each of these features alone determines the label, or almost. If they are not known before the label, the "
    text += "model will fail in production: exclude them (data.exclude)."
    head = ["feature", "ROC area", "how", "missing in the class", "missing elsewhere"]
    return [tag("h3", "Suspected leaks"), note(text), table(head, rows, "wrlrr")]


def _how(suspect: Mapping[str, Any]) -> Markup:
    way = "by its value" if suspect["why"] == "value" else "by whether it is missing"
    return group(way, " ", pill("entirely", "bad") if suspect.get("entirely") else "")


def leaks(found: Artifacts, *, entirely: bool) -> list[Mapping[str, Any]]:
    """Return the suspects that determine the label entirely, or almost."""
    suspects = found.difficulty.get("suspects") or []
    return [s for s in suspects if bool(s.get("entirely")) == entirely]


def listed_leaks(suspects: Sequence[Mapping[str, Any]], most: int = 5) -> str:
    """Return suspects with their ROC areas as text."""
    ways = {"value": "", "missing": ", by whether it is missing"}
    shown = [f"{s['feature']} (ROC area {metric(s['area'])}{ways[s['why']]})" for s in suspects[:most]]
    rest = f" and {len(suspects) - most} more" if len(suspects) > most else ""
    return ", ".join(shown) + rest


def _advice(found: Artifacts) -> list[Markup]:
    advice = found.difficulty["recommendation"]
    listed = [tag("li", r) for r in (*advice["reasons"], *advice["warnings"])]
    took = _took(found)
    return [
        tag("h3", "Recommendation"),
        tag("p", group(tag("b", advice["summary"]), f" ({_named(advice)})")),
        tag("ul", group(*listed)),
        *([note(took)] if took else []),
    ]


def _named(advice: Mapping[str, Any]) -> str:
    params = ", ".join(f"{k} = {v}" for k, v in advice["params"].items())
    return f"method: {advice['method']}" + (f", {params}" if params else "")


def _took(found: Artifacts) -> str | None:
    """Return whether the run followed the recommendation; None before it resampled."""
    taken = found.resample.get("sampler")
    if taken is None:
        return None
    configured = found.manifest.get("config", {}).get("resample", {}).get("method")
    if configured == "auto" and found.compare:
        return f"Resampling: {taken}, as the comparison chose (resample.method is auto)."
    if configured == "auto":
        return f"Resampling: {taken}, as recommended (resample.method is auto)."
    recommended = found.difficulty["recommendation"]["method"]
    if taken == recommended:
        return f"Resampling: {taken}, as configured, and as the diagnosis recommends."
    return f"Resampling: {taken}, as configured; the diagnosis recommends {recommended}."


def diagnosed(found: Artifacts) -> list[str]:
    """Return the verdict's sentences on the diagnosis."""
    if not found.difficulty:
        return []
    advice, took = found.difficulty["recommendation"], _took(found)
    why = "" if found.compare else f" {advice['summary']} {advice['reasons'][0]}"
    return [*([took + why] if took else []), *advice["warnings"]]

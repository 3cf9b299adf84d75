"""What the model depends on, and where it errs."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from steelyard.report._artifacts import Artifacts
from steelyard.report._html import Section, folded, note, table
from steelyard.report._numbers import interval, number, percent
from steelyard.report._svg import group

_SHOWN = 15
_METHODS = {
    "contributions": "mean absolute contribution to the margin (the logarithm of the odds)",
    "permutation": "PR area lost when the values of the feature are exchanged between rows",
}


def explanation(found: Artifacts) -> Section | None:
    """Return importances and weak slices, None without the stage `explain`."""
    document = found.explanation
    if not document:
        return None
    stable = _stability(document["stability"]) if "stability" in document else ""  # earlier versions have none
    parts = [_importances(document["importances"]), stable, _slices(document["slices"])]
    return Section("explanation", "Why, and where it errs", group(*parts, note(_mistakes(document["mistakes"]))))


def _mistakes(counts: dict[str, int] | None) -> str:
    if counts is None:
        return "Single rows are explained for two classes, and with explain.rows above 0."
    return f"{counts['missed']:,} missed positives and {counts['false_alarm']:,} false alarms are in mistakes.json."


def _importances(document: dict[str, Any]) -> Markup:
    if not document["features"]:
        return note(f"Importance: {document.get('note', 'there is none')}.")  # earlier versions have no note
    rows = [[of["feature"], number(of["value"]), interval(of, number)] for of in document["features"]]
    head = ["feature", "importance", "95 % interval"]
    sizes = ", ".join(f"{n:,} of class {c}" for c, n in document["rows"].items())
    mean = ", the mean of the classes" if len(document["rows"]) > 2 else ""
    text = f"Importance: {_METHODS[document['method']]}{mean}. Rows: {sizes}."
    return group(_features(head, rows), note(text))


def _features(head: list[str], rows: list[list[str]]) -> Markup:
    """Return a table of features, the first of them unfolded."""
    align = "l" + "r" * (len(head) - 1)
    rest = folded(f"{len(rows) - _SHOWN} more features", table(head, rows[_SHOWN:], align)) if rows[_SHOWN:] else ""
    return group(table(head, rows[:_SHOWN], align), rest)


def _stability(document: dict[str, Any]) -> Markup:
    if not document["features"]:
        return note(f"Stability over folds: {document['note']}.")
    folds, top = document["folds"], document["top"]
    rows = [
        [of["feature"], *(number(of[k]) for k in ("mean", "min", "max")), f"{of['in_top']} of {folds}"]
        for of in document["features"]
    ]
    head = ["feature", "mean over folds", "minimum", "maximum", f"among the top {top}"]
    text = (
        f"Stability: the same importances, on the same rows, by the models of {folds} folds of the training rows. "
        "Where the range is wide, or only some folds have the feature among the top, its importance depends on which "
        "rows were drawn for training."
    )
    return group(_features(head, rows), note(text))


def _slices(slices: list[dict[str, Any]]) -> Markup:
    if not slices:
        return note("No values of one or two features were found at which decisions are significantly worse.")
    classes = list(slices[0]["support"])
    rows = [[of["slice"], f"{of['rows']:,}", *(_rate(of, c) for c in classes), number(of["error"])] for of in slices]
    head = ["slice", "rows", *(f"errors on class {c} (elsewhere)" for c in classes), "error, classes alike"]
    text = (
        "Weak slices: decisions are worse there than elsewhere, beyond chance (p-values are corrected for the number "
        "of slices that were looked at). In the error each class weighs the same."
    )
    return group(table(head, rows, "w" + "r" * (len(classes) + 2)), note(text))


def _rate(of: dict[str, Any], name: str) -> str:
    rate = of["rates"].get(name)
    if rate is None:
        return "–"
    elsewhere = "–" if rate["elsewhere"] is None else percent(rate["elsewhere"])
    return f"{percent(rate['value'])} of {of['support'][name]:,} ({elsewhere})"

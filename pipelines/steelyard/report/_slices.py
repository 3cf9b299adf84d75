"""The section on declared slices: metrics of the test rows for each value of a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from steelyard.report._artifacts import Artifacts
from steelyard.report._html import Section, folded, note, table
from steelyard.report._numbers import NONE, count, interval, metric, percent, value
from steelyard.report._svg import group

_SHOWN = 10
_OF_CLASS = {"recall": "recall", "precision": "precision", "pr_auc": "PR area"}
_MOST_CLASSES = 6


def slices(found: Artifacts) -> Section | None:
    """Return a table for each column of `data.slices`, None without them."""
    declared: Mapping[str, Any] = found.test.get("slices") or {}
    if not declared:
        return None
    parts = [_column(name, values, found.positive) for name, values in declared.items()]
    text = (
        "Test rows with each value, the 50 most frequent values of a column at most, the most frequent first; below "
        "each number, its 95 % interval, unless there are too few rows for one. Guessing has a PR area equal to the "
        "share of the class. With many values, some differ by chance."
    )
    return Section("slices", "Slice by slice", group(*parts, note(text)))


def _column(name: str, values: Mapping[str, Any], positive: str | None) -> Markup:
    classes = [positive] if positive is not None else list(next(iter(values.values()))["support"])[:_MOST_CLASSES]
    shown = _OF_CLASS if positive is not None else {"recall": "recall"}
    costs = any(value(of.get("expected_cost")) is not None for of in values.values())
    head = [name, "rows"]
    for c in classes:
        head += [f"class {c}", *(label if positive is not None else f"{label}, {c}" for label in shown.values())]
    head += ["expected cost"] if costs else []
    rows = [[slice_, count(of["n"]), *_cells(of, classes, shown, costs=costs)] for slice_, of in values.items()]
    align = "w" + "r" * (len(head) - 1)
    more = folded(f"{len(rows) - _SHOWN} more values", table(head, rows[_SHOWN:], align)) if rows[_SHOWN:] else ""
    return group(table(head, rows[:_SHOWN], align), more)


def _cells(of: Mapping[str, Any], classes: list[str], shown: Mapping[str, str], *, costs: bool) -> list[object]:
    cells: list[object] = []
    for c in classes:
        rows = of["support"].get(c, 0)
        cells.append(f"{count(rows)} ({percent(rows / of['n'])})")
        cells += [_number((of["per_class"].get(c) or {}).get(key)) for key in shown]
    return [*cells, _number(of.get("expected_cost"))] if costs else cells


def _number(figure: Mapping[str, Any] | None) -> Markup:
    if value(figure) is None:
        return Markup(NONE)
    below = interval(figure) if figure and figure.get("ci95") else ""
    return Markup("{}<small>{}</small>").format(metric(value(figure)), below)

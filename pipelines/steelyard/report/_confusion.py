"""The section on decisions: how they depend on the threshold, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from steelyard.config import rule_text
from steelyard.report import _charts
from steelyard.report._artifacts import Artifacts
from steelyard.report._decision import decision_rule
from steelyard.report._html import Section, figure, legend, note, pair, table
from steelyard.report._numbers import NONE, count, percent
from steelyard.report._svg import group

_MOST_CELLS = 25


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

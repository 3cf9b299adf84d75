"""What the decision rule promised, what came, and the money that it saves, as sentences and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from steelyard.config import rule_text
from steelyard.metrics import get_metric, metric_names
from steelyard.report._artifacts import Artifacts
from steelyard.report._charts import net_benefit
from steelyard.report._html import figure, legend, note, table
from steelyard.report._numbers import count, interval, metric, number, percent, value
from steelyard.report._svg import group

_RIVALS = {
    "no_model": "no model (no alarm on any row)",
    "threshold_0.5": "threshold 0.5",
    "best_threshold": "the best single threshold",
}


def promise(found: Artifacts) -> str | None:
    """Return a sentence on what the rule promised and what came on test rows; None where it promised nothing."""
    decision: Mapping[str, Any] = found.metrics.get("decision") or {}
    promised, observed = decision.get("promised"), decision.get("observed")
    if not promised or not observed:
        return None
    if promised["metric"] == "alerts":
        return _alerts(decision["rule"], promised, observed)
    shown = number if promised["metric"] == "expected_cost" else metric
    label, seen = _label(promised["metric"]), f"{shown(promised['value'])} on validation rows"
    said = f"{label} of at least {shown(promised['min'])} ({seen})" if "min" in promised else f"{label} {seen}"
    between = f" (95 % interval {interval(observed, shown)})" if observed.get("ci95") else ""
    return (
        f"Decision rule “{rule_text(decision['rule'])}”: {said}; on test rows it is "
        f"{shown(observed['value'])}{between}."
    )


def _alerts(rule: Mapping[str, Any], promised: Mapping[str, Any], observed: Mapping[str, Any]) -> str:
    """Return a sentence on the alerts by hour, day or week."""
    per = rule["alerts"]["per"]
    least = f" on at least {percent(promised['min'])} of the {per}s" if "min" in promised else ""
    between = f" (95 % interval {interval(observed, percent)})" if observed.get("ci95") else ""
    one = "an hour" if per == "hour" else f"a {per}"
    counts = f"; {one} has {number(observed['mean'])} alerts on average, {number(observed['most'])} at most"
    return (
        f"Decision rule “{rule_text(rule)}”: the budget is kept{least}; on {percent(promised['value'])} of "
        f"{count(promised['periods'])} {per}s of validation rows, and on {percent(observed['value'])} of "
        f"{count(observed['periods'])} {per}s of test rows{between}{counts if 'mean' in observed else ''}."
    )


def broken(found: Artifacts) -> bool:
    """Whether the promise is not kept beyond chance: the interval lies below what was promised."""
    decision: Mapping[str, Any] = found.metrics.get("decision") or {}
    observed: Mapping[str, Any] = decision.get("observed") or {}
    between = observed.get("ci95")
    return observed.get("kept") is False and between is not None and between[1] < decision["promised"]["min"]


def savings(found: Artifacts) -> str | None:
    """Return a sentence on the money that the decisions save on test rows; None without costs."""
    saved: Mapping[str, Any] = found.test.get("saved") or {}
    parts = [f"{_amount(of)} against {_rival(name, of)}" for name, of in saved.items() if value(of) is not None]
    return f"On the test rows, the decisions save {'; '.join(parts)}." if parts else None


def matrix_cost(found: Artifacts) -> str | None:
    """Return a sentence on the expected cost of decisions among several classes; None without a cost matrix."""
    cost = value(found.test.get("expected_cost"))
    if "matrix" not in (found.metrics.get("decision") or {}) or cost is None:
        return None
    between = interval(found.test["expected_cost"], number)
    shown = f" (95 % interval {between})" if found.test["expected_cost"].get("ci95") else ""
    return f"The decision is the class with the least expected cost; it costs {number(cost)} per test row{shown}."


def implied(found: Artifacts) -> str | None:
    """Return a sentence on the ratio of costs for which the threshold is right; None where there is none."""
    ratio, threshold = (found.metrics.get("decision") or {}).get("cost_ratio"), found.metrics.get("threshold")
    if ratio is None or threshold is None:
        return None
    return (
        f"The threshold {number(threshold)} is right where a false negative costs {number(ratio)} times as much as a "
        "false positive."
    )


def decision_rule(found: Artifacts) -> Markup:
    """Return the rule, its promise and its savings."""
    notes = ((found.training.get("threshold") or {}).get("note"), found.training.get("few_positives"))
    said = (f"Note: {text}." for text in notes if text)
    words = " ".join([*(text for text in (promise(found), implied(found)) if text), *said])
    saved: Mapping[str, Any] = found.test.get("saved") or {}
    rows = [
        [f"against {_rival(name, of)}", number(value(of)), interval(of, number)]
        for name, of in saved.items()
        if value(of) is not None
    ]
    text = (
        "Cost saved on the test rows, in the unit of data.cost; less than 0 is a loss. Each interval is that of the "
        "difference: both sides are resampled together."
    )
    costs = group(table(["", "saved", "95 % interval"], rows, "wrr"), note(text)) if rows else ""
    return group(note(words) if words else "", costs, _benefit(found))


def _benefit(found: Artifacts) -> Markup | str:
    """Return the decision curve."""
    curve = found.test.get("net_benefit")
    if not curve:
        return ""
    text = (
        "True positives per 1,000 test rows, less the false positives that cost as much, for each threshold that the "
        "costs may make right. Dashed blue lines: 95 % interval. Below 0, no alarms are better."
    )
    entries = (("s0", "the model"), ("s1 dashed", "an alarm on every row"), ("base", "no alarm"))
    return figure("Net benefit", net_benefit(curve, found.metrics.get("threshold")), legend(*entries), note=text)


def _label(name: str) -> str:
    return get_metric(name).label if name in metric_names() else "F score"


def _rival(name: str, of: Mapping[str, Any]) -> str:
    if name == "same_class":
        return f"deciding {of['class']} for every row"
    words = _RIVALS.get(name, name)
    return f"{words} ({number(of['threshold'])})" if name == "best_threshold" else words


def _amount(of: Mapping[str, Any]) -> str:
    return f"{number(value(of))} ({interval(of, number)})" if of.get("ci95") else number(value(of))

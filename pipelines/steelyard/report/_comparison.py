"""The section on compared recipes, and the verdict's sentence about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from steelyard.comparing import counted
from steelyard.metrics import get_metric, lookup
from steelyard.report._artifacts import Artifacts
from steelyard.report._html import Section, folded, note, table
from steelyard.report._numbers import NONE, count, metric, number
from steelyard.report._svg import group

_NAMES = {"cost": "cost per row", "log_loss": "log loss", "pr_auc": "PR area"}
_DIVIDED = {"stratified": "", "group": ", whole groups", "temporal": ", forward in time"}


def comparison(found: Artifacts) -> Section | None:
    """Return the candidates with their paired differences, and the choice."""
    of = found.compare
    if not of:
        return None
    shown = [name for name in _NAMES if name in of["candidates"][0]]
    head = [
        "recipe",
        *[_NAMES[n] for n in shown],
        f"{_NAMES[of['metric']]} less that of plain",
        "95 % interval",
        "rows",
    ]
    rows = [_row(one, of, shown) for one in of["candidates"]]
    body = [note(sentence(of)), table(head, rows, "w" + "r" * (len(head) - 1)), note(_how(of["facts"]))]
    if "search" in of["facts"]:
        body.append(_search(of["facts"]["search"], of["metric"]))
    return Section("comparison", "Compared recipes", group(*body))


def compared(found: Artifacts) -> list[str]:
    """Return the sentences of the verdict."""
    said = [sentence(found.compare)] if found.compare else []
    return [*said, *[text for text in [against_baseline(found)] if text]]


def against_baseline(found: Artifacts) -> str | None:
    """Return the sentence on the plain baseline, scored on the same test rows; None without one."""
    of = found.metrics.get("baseline")
    if not of or not of["gain"] or "transfer" in found.metrics:
        return None
    parts = []
    for name, gain in of["gain"].items():
        theirs = lookup(of["test"], name, found.positive)["value"]
        ours = lookup(found.test, name, found.positive)["value"]
        ci95 = gain["ci95"]
        sure = "" if ci95 is None else f", gain {number(gain['value'])} ({number(ci95[0])} – {number(ci95[1])})"
        parts.append(f"{get_metric(name).label} {metric(ours)} against {metric(theirs)}{sure}")
    return f"{_verdict(of['gain'])}: {'; '.join(parts)} (95 % intervals)."


def _verdict(gains: Mapping[str, Any]) -> str:
    """Return whether the run is better or worse than the baseline, as far as the intervals say so."""
    known = {get_metric(name).label: gain["ci95"] for name, gain in gains.items() if gain["ci95"] is not None}
    better, worse = [n for n, ci95 in known.items() if ci95[0] > 0], [n for n, ci95 in known.items() if ci95[1] < 0]
    sides = [f"{word} in {', '.join(names)}" for word, names in (("better", better), ("worse", worse)) if names]
    text = f"{' and '.join(sides) or 'no better'} than the plain baseline on the test rows"
    return text[0].upper() + text[1:]


def sentence(of: Mapping[str, Any]) -> str:
    """Return the choice of a comparison and its reason as text."""
    text = f"Of {counted(of)}, {of['chosen']} was taken: {of['reason']}."
    if "taken_over" in of:
        run = of["taken_over"]
        return f"{text} The choice and the numbers are those of run {run['run_id']}, whose training rows were alike."
    return text if of["suggestion"] is None else f"{text} The comparison suggests {of['suggestion']}."


def _row(one: Mapping[str, Any], of: Mapping[str, Any], shown: list[str]) -> list[object]:
    difference = one["difference"].get(of["metric"]) or {"value": None, "ci95": None}
    ci95 = difference["ci95"]
    name = one["name"]
    if name == of["chosen"]:
        name = f"{name} (taken)"
    elif not one["eligible"]:
        name = f"{name} (only informs)"
    interval = NONE if ci95 is None else f"{number(ci95[0])} – {number(ci95[1])}"
    values = [number(one[n]["value"]) if n == "cost" else metric(one[n]["value"]) for n in shown]
    return [name, *values, number(difference["value"]), interval, count(one["rows"])]


def _search(of: Mapping[str, Any], name: str) -> Markup:
    """Return the metric of each searched recipe in each rung, folded."""
    rungs = [{one["name"]: one[name] for one in rung["candidates"]} for rung in of["rungs"]]
    head = ["recipe", *[f"{_NAMES[name]}, {count(sum(rung['rows'].values()))} rows" for rung in of["rungs"]], "end"]
    rows = []
    for recipe in of["recipes"]:
        values = [number(rung[recipe]) if recipe in rung else NONE for rung in rungs]
        rows.append([recipe, *values, "compared above" if recipe in of["left"] else "left out"])
    text = (
        f"{len(rows)} recipes were searched by successive halving. Each round keeps the rarest class whole and draws "
        f"rows of the others by hash; the better half by {_NAMES[name]} is kept, for twice as many rows."
    )
    return folded("Searched recipes", group(note(text), table(head, rows, "w" + "r" * len(rungs) + "l")))


def _how(facts: Mapping[str, Any]) -> str:
    rows, taken = (sum(facts[name].values()) for name in ("counts", "taken"))
    text = (
        f"{facts['folds']} folds of the training rows{_DIVIDED[facts['method']]}; no validation or test row is read. "
    )
    text += "All recipes have the same folds, and their intervals resample the same rows. Rows are those that trained "
    text += "the models, of all folds together."
    if len(facts["counts"]) > 2:
        text += " PR area is the mean of the classes', each against the rest."
    if taken < rows:
        text += f" {count(taken)} of {count(rows)} rows were drawn by hash, alike for all recipes, and weighted."
    return text

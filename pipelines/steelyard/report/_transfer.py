"""The sentence on transfer from another domain: what the source was worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.metrics import get_metric, lookup
from steelyard.report._numbers import metric, number

_HEADS = {
    "gains": "The source helps: the same recipe without transfer is worse on the same test rows",
    "harms": (
        "The source harms: the same recipe without transfer is better on the same test rows. Leave train.transfer out"
    ),
    "no gain shown": (
        "No gain by transfer is shown: the same recipe without it may be as good or better on the same test rows"
    ),
}
_CONTRADICTS = {"gains": ("worse",), "harms": ("better",), "no gain shown": ("better", "worse")}


def transfer_sentence(metrics: Mapping[str, Any]) -> str:
    """Return the verdict on a transfer, the metrics with and without it, and which of them contradict.

    Parameters
    ----------
    metrics : mapping of str to object
        The content of `metrics.json`, with `transfer` and `baseline`.
    """
    of, deciding = metrics["baseline"], metrics["transfer"]["metric"]
    gains: Mapping[str, Any] = of["gain"]
    names = sorted(gains, key=lambda name: name != deciding)  # the one that decides comes first
    shown = [_sides(metrics, name, gains[name]) for name in names]
    text = f"{_HEADS[metrics['transfer']['verdict']]}: {'; '.join(shown)}."
    others = {n: gain["ci95"] for n, gain in gains.items() if n != deciding and gain["ci95"] is not None}
    better, worse = [n for n, ci in others.items() if ci[0] > 0], [n for n, ci in others.items() if ci[1] < 0]
    sides = {"better": better, "worse": worse}
    for word in _CONTRADICTS[metrics["transfer"]["verdict"]]:
        if sides[word]:
            text += f" It is {word} in {', '.join(_name(n) for n in sides[word])}."
    return text


def _sides(metrics: Mapping[str, Any], name: str, gain: Mapping[str, Any]) -> str:
    """Return the value of a metric with and without transfer, and the gain with its interval."""
    sides = (metrics["splits"]["test"], metrics["baseline"]["test"])
    ours, theirs = (metric(lookup(side, name, metrics["positive"])["value"]) for side in sides)
    text = f"{_name(name)} {ours} with transfer, {theirs} without"
    if gain["ci95"] is None:
        return text
    low, high = map(number, gain["ci95"])
    return f"{text} (gain {number(gain['value'])}, 95 % interval {low} to {high})"


def _name(name: str) -> str:
    label = get_metric(name).label
    return label if label.startswith("PR") else label[0].lower() + label[1:]

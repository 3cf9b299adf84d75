"""Does a model reach what is demanded of it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.errors import ConfigError, closest
from steelyard.metrics._document import lookup
from steelyard.metrics._one_class import PER_CLASS
from steelyard.metrics._split import OVERALL, POSITIVE_ONLY, PROBABILITY

_BOUNDS = {
    "min": ("value", "at least"),
    "max": ("value", "at most"),
    "min_ci95": ("low", "at least"),
    "max_ci95": ("high", "at most"),
}
_SIDES = {"low": 0, "high": 1}
METRICS = (*PER_CLASS, *OVERALL, *PROBABILITY, *POSITIVE_ONLY)


def check_gate(gate: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a metric that doesn't exist, before anything runs."""
    for name in gate:
        if name not in METRICS:
            raise ConfigError(
                f"gate: there is no metric {name!r}.{closest(name, METRICS)} There are: {', '.join(METRICS)}"
            )


def judge_gate(metrics: Mapping[str, Any], gate: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Judge the test split of a `metrics.json`.

    Parameters
    ----------
    metrics : mapping
    gate : mapping
        Metric → bounds: `min` and `max` of its value; `min_ci95` of the lower end of its 95 % interval, `max_ci95` of
        the upper. With several classes, metrics of a class are macro means.

    Returns
    -------
    list of dict
        One for each bound: `metric`, `bound`, `wanted`, `observed`, `passed`, `message`. A number that doesn't exist,
        for want of rows, fails.

    Raises
    ------
    ConfigError
        For an unknown metric or bound.

    Examples
    --------
    >>> split = {"per_class": {"1": {"recall": {"value": 0.5, "ci95": [0.4, 0.6]}}}}
    >>> judge_gate({"positive": "1", "splits": {"test": split}}, {"recall": {"min_ci95": 0.45}})[0]["message"]
    'recall: the lower end of its 95 % interval is 0.4, demanded is at least 0.45'
    """
    split = metrics["splits"]["test"]
    found = {name: lookup(split, name, metrics["positive"]) for name in gate}
    return [_judge(name, found[name], bound, wanted) for name, of in gate.items() for bound, wanted in of.items()]


def _judge(name: str, number: Mapping[str, Any], bound: str, wanted: float) -> dict[str, Any]:
    if bound not in _BOUNDS:
        raise ConfigError(f"gate.{name}: there is no bound {bound!r}; there are {', '.join(_BOUNDS)}")
    of, words = _BOUNDS[bound]
    interval = number["ci95"]
    observed = number["value"] if of == "value" else interval[_SIDES[of]] if interval else None
    what = name if of == "value" else f"{name}: the {'lower' if of == 'low' else 'upper'} end of its 95 % interval"
    if observed is None:
        reason = number.get("note") or "too little data"
        shown, passed = f"{what} doesn't exist ({reason}), demanded is {words} {wanted:g}", False
    else:
        passed = observed >= wanted if words == "at least" else observed <= wanted
        shown = f"{what} is {observed:.4g}, demanded is {words} {wanted:g}"
    return {"metric": name, "bound": bound, "wanted": wanted, "observed": observed, "passed": passed, "message": shown}

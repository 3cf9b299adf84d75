"""Compare metrics of the test split with the bounds of a gate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from steelyard.errors import ConfigError
from steelyard.metrics._document import lookup
from steelyard.metrics.registry import get_metric, metric_names

_BOUNDS: dict[str, tuple[str | None, str]] = {
    "min": (None, "at least"),
    "max": (None, "at most"),
    "min_ci95": ("lower", "at least"),
    "max_ci95": ("upper", "at most"),
}
"""Bound → the end of the interval that it is for, if any, and its direction."""


def check_gate(
    gate: Mapping[str, Any], *, has_costs: bool | None = None, classes: int | None = None, key: str | None = None
) -> None:
    """Check the names of a gate's metrics before anything is computed.

    Parameters
    ----------
    gate : mapping
        Its keys are the metrics.
    has_costs : bool, optional
        Whether costs are given; None: not known.
    classes : int, optional
        Number of classes; None: not known.
    key : str, optional
        The key of the configuration that errors name; by default `gate` and the metric.

    Raises
    ------
    ConfigError
        For an unknown metric, with the nearest name; for bounds that no value meets; for a metric of costs without
        costs; for a metric that needs two classes where there are more.

    Examples
    --------
    >>> check_gate({"pr_auc": {"min": 0.7}}, classes=3)
    """
    for name, of in gate.items():
        try:
            metric = get_metric(name)
        except ConfigError as error:
            raise ConfigError(f"{key or 'gate'}: {error}") from None
        _check_bounds(name, dict(of), metric.range)
        if metric.needs == "costs" and has_costs is False:
            raise ConfigError(f"{key or f'gate.{name}'}: no costs are given; set data.cost")
        known = key is None and name == "expected_cost" and has_costs is True  # of a cost matrix
        if classes is not None and classes > 2 and metric.two_classes_only and not known:
            able = [n for n in metric_names() if not get_metric(n).two_classes_only]
            raise ConfigError(
                f"{key or f'gate.{name}'}: {name} needs two classes, and the label has {classes}. "
                f"Metrics of more classes are: {', '.join(able)}"
            )


def _check_bounds(name: str, bounds: Mapping[str, float | None], range: tuple[float, float]) -> None:
    """Raise `ConfigError` for bounds that no value of a metric is within."""
    given = {bound: value for bound, value in bounds.items() if value is not None and bound in _BOUNDS}
    for bound, value in given.items():
        least = _BOUNDS[bound][1] == "at least"
        if value > range[1] if least else value < range[0]:
            end, limit = ("greatest", range[1]) if least else ("least", range[0])
            raise ConfigError(f"gate.{name}.{bound}: {value:g} cannot be met, the {end} value of {name} is {limit:g}")
    for low, high in (("min", "max"), ("min_ci95", "max_ci95")):
        if given.get(low, -math.inf) > given.get(high, math.inf):
            raise ConfigError(f"gate.{name}: {low} {given[low]:g} is above {high} {given[high]:g}; no value is both")


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
        For an unknown metric or bound, and a metric that needs two classes where there are more.

    Examples
    --------
    >>> split = {"per_class": {"1": {"recall": {"value": 0.5, "ci95": [0.4, 0.6]}}}}
    >>> judge_gate({"positive": "1", "splits": {"test": split}}, {"recall": {"min_ci95": 0.45}})[0]["message"]
    'recall: the lower end of its 95 % interval is 0.4, demanded is at least 0.45'
    """
    split = metrics["splits"]["test"]
    several = None if metrics["positive"] is not None else len(split["per_class"])
    check_gate(gate, has_costs=True if "expected_cost" in split else None, classes=several)
    found = {name: lookup(split, name, metrics["positive"]) for name in gate}
    return [_judge(name, found[name], bound, wanted) for name, of in gate.items() for bound, wanted in of.items()]


def _judge(name: str, number: Mapping[str, Any], bound: str, wanted: float) -> dict[str, Any]:
    if bound not in _BOUNDS:
        raise ConfigError(f"gate.{name}: there is no bound {bound!r}; there are {', '.join(_BOUNDS)}")
    end, words = _BOUNDS[bound]
    if end is None:
        what, observed = name, number["value"]
    else:
        what = f"{name}: the {end} end of its 95 % interval"
        observed = number["ci95"][end == "upper"] if number["ci95"] else None
    if observed is None:
        reason = number.get("note") or "too little data"
        shown, passed = f"{what} doesn't exist ({reason}), demanded is {words} {wanted:g}", False
    else:
        passed = observed >= wanted if words == "at least" else observed <= wanted
        shown = f"{what} is {observed:.4g}, demanded is {words} {wanted:g}"
    return {"metric": name, "bound": bound, "wanted": wanted, "observed": observed, "passed": passed, "message": shown}

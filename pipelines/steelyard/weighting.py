"""Class weights: the weight of each row in training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from pyspark.sql import Column, DataFrame

from steelyard.columns import class_text, col, of_key
from steelyard.distortion import Distortion
from steelyard.errors import InputError, closest
from steelyard.labels import class_name

ClassWeight = str | Mapping[Any, float]


def class_weights(counts: Mapping[str, float], setting: ClassWeight = "none") -> dict[str, float]:
    """Return the weight of each class.

    Parameters
    ----------
    counts : mapping of str to float
        Rows of each class; for weighted rows, their total weight.
    setting : {"none", "balanced"} or mapping, default "none"
        ``"balanced"`` gives every class the same total: rows / (classes × rows of the class), which keeps the sum of
        weights at the number of rows. A mapping gives weights by class, in any form of the label; classes it doesn't
        name weigh 1.

    Raises
    ------
    InputError
        For an unknown setting or class, or a weight that is not a positive number.

    Examples
    --------
    >>> class_weights({"0": 90, "1": 10}, "balanced")
    {'0': 0.5555555555555556, '1': 5.0}
    >>> class_weights({"0": 90, "1": 10}, {1: 20})
    {'0': 1.0, '1': 20.0}
    """
    if isinstance(setting, Mapping):
        return dict.fromkeys(counts, 1.0) | _explicit(setting, counts)
    if setting == "balanced":
        total = sum(counts.values())
        return {c: total / (len(counts) * n) for c, n in counts.items()}
    if setting == "none":
        return dict.fromkeys(counts, 1.0)
    raise InputError(f"class_weight must be 'none', 'balanced' or a map of class to weight. Got {setting!r} instead.")


def weight_distortion(weights: Mapping[str, float]) -> Distortion:
    """Return how weights of classes change the class prior.

    The rates are not exact, unless all weights are equal: on real tables, the closed-form correction of boosted trees
    reaches 0.70 of the prevalence (benchmarks/results/prior_correction.md).

    Examples
    --------
    >>> weight_distortion({"0": 0.5, "1": 5.0})
    Distortion(rates={'0': 0.5, '1': 5.0}, exact=False)
    """
    return Distortion(dict(weights), exact=False) if len(set(weights.values())) > 1 else Distortion()


def weight_column(df: DataFrame, label: str, weights: Mapping[str, float], *, existing: str | None = None) -> Column:
    """Return each row's weight: that of its class, times the row's own where it has one.

    Parameters
    ----------
    df : DataFrame
        Gives the type of the label.
    label : str
    weights : mapping of str to float
        As from `class_weights`; null for rows of other classes.
    existing : str, optional
        A column of row weights.
    """
    weight = of_key({c: float(w) for c, w in weights.items()}, class_text(df, label))
    return weight * col(existing).cast("double") if existing else weight


def _explicit(setting: Mapping[Any, float], counts: Mapping[str, float]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for label, weight in setting.items():
        name = class_name(label)
        if name not in counts:
            raise InputError(
                f"class_weight names class {name!r}, which is not in the table.{closest(name, counts)} "
                f"It has: {', '.join(map(repr, list(counts)[:20]))}"
            )
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 < weight < math.inf:
            raise InputError(f"class_weight must give class {name!r} a positive number. Got {weight!r} instead.")
        weights[name] = float(weight)
    return weights

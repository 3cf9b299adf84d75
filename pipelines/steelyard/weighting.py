"""Weights of classes: what a row counts for while a model learns."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import ConfigError, InputError, closest


def class_weights(counts: Mapping[str, int], class_weight: str | Mapping[str, float] = "balanced") -> dict[str, float]:
    """Return the weight of each class.

    Parameters
    ----------
    counts : mapping of str to int
        Training rows of each class, by its string form.
    class_weight : {"none", "balanced"} or mapping of str to float, default "balanced"
        `none` weighs all rows 1; `balanced` gives all classes the same total, N / (C · n), as in scikit-learn; classes that a
        mapping doesn't name weigh 1.

    Raises
    ------
    InputError
        If a mapping names an unknown class, or gives a weight that isn't a positive number.

    Examples
    --------
    >>> class_weights({"0": 900, "1": 100})
    {'0': 0.5555555555555556, '1': 5.0}

    References
    ----------
    King, Zeng, "Logistic regression in rare events data", Political Analysis 9 (2001).
    """
    if isinstance(class_weight, str):
        if class_weight not in ("none", "balanced"):
            raise ConfigError(f"class_weight must be none, balanced or a map of class to weight. Got {class_weight!r} instead.")
        balanced = class_weight == "balanced"
        rows = sum(counts.values())
        return {c: rows / (len(counts) * n) if balanced else 1.0 for c, n in counts.items()}
    for name, weight in class_weight.items():
        if name not in counts:
            raise InputError(f"class_weight names {name!r}, which is no class of the training rows.{closest(name, counts)}")
        if not 0 < weight < float("inf"):
            raise InputError(f"class_weight of class {name!r} must be a positive number. Got {weight!r} instead.")
    return {c: float(class_weight.get(c, 1.0)) for c in counts}

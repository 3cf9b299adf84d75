"""Values of parameters that imbalanced-learn takes."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

from steelyard.params import wrong


def estimator(attribute: str) -> Callable[[str, object], Any]:
    """Accept estimators of scikit-learn's kind that have an attribute."""

    def check(name: str, value: object) -> Any:
        if isinstance(value, type) or not hasattr(value, "fit") or not hasattr(value, attribute):
            raise wrong(name, f"an object with fit and {attribute}" if attribute != "fit" else "an estimator", value)
        return value

    return check


def clusters(name: str, value: object) -> Any:
    """Accept a number of clusters, or a clustering."""
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1:
        return int(value)
    if isinstance(value, type) or not hasattr(value, "fit_predict") or not hasattr(value, "n_clusters"):
        raise wrong(name, "a whole number, 1 or more, or a clustering object with n_clusters", value)
    return value


def from_zero_to_one(name: str, value: object) -> float:
    """Accept numbers from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise wrong(name, "a number from 0 to 1", value)
    return float(value)


def auto_or_number(name: str, value: object) -> float | str:
    """Accept "auto" and numbers."""
    if value == "auto":
        return "auto"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise wrong(name, "'auto' or a number", value)
    return float(value)

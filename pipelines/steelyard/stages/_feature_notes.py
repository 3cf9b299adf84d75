"""What is odd about features: identifiers, categories of many levels, values outside the declared bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from steelyard.dataset import Dataset
from steelyard.frames.reading import like_number
from steelyard.stats import Summary

_MANY_LEVELS = 200
_FEW_ROWS = 50  # fewer are easily all different
_FEW_LEVELS = 5
_SINGLE = 24  # bits of a number in single precision
_STEPS = 100
_SHORTEST_CODE = 4  # characters: a year
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def feature_notes(data: Dataset, found: Summary, warn: Callable[[str], None]) -> None:
    """Warn of features that look like identifiers, categories with hundreds of levels, and values out of bounds.

    Parameters
    ----------
    data : Dataset
    found : Summary
    warn : callable
        Takes notes.
    """
    rows = found.counts.total + found.counts.nulls
    identifiers = found.identifiers if rows >= _FEW_ROWS else []
    for name in identifiers:
        warn(
            f"feature {name!r} looks like an identifier: its {rows:,} values are all different; leave it out with "
            f"data.exclude {name}"
        )
    for name in data.categorical:
        if name not in identifiers:
            _note_category(name, found.features[name], warn)
    for name, feature in found.features.items():
        _note_precision(name, feature, warn)
    for name, of in data.domain.items():
        low, high = _range(found.features[name])
        if (low is not None and of.min is not None and low < of.min) or (
            high is not None and of.max is not None and high > of.max
        ):
            warn(
                f"data.domain.{name}: the table has values from {low:g} to {high:g}, outside the bounds; its rows are "
                "kept as they are"
            )


def _note_category(name: str, feature: dict[str, Any], warn: Callable[[str], None]) -> None:
    number, levels = _number_as_text(feature), _levels(feature)
    if number is not None:
        warn(
            f"category {name!r} is text, but its values are numbers, such as {number!r}; unless they are codes, "
            "make numbers of them in the table"
        )
    if levels >= _MANY_LEVELS:
        warn(
            f"category {name!r} has {levels:,} levels or more, of which a model keeps the most frequent; "
            f"data.exclude {name} leaves it out"
        )


def _note_precision(name: str, feature: dict[str, Any], warn: Callable[[str], None]) -> None:
    low, high = _range(feature)
    if low is None or high is None:
        return
    bits = _SINGLE - math.frexp(max(abs(low), abs(high)))[1]
    middle = [v for of in feature["by_class"].values() for v in of.get("quantiles", {}).values() if v is not None]
    exact = all(math.ldexp(value, bits).is_integer() for value in (low, high, *middle))
    steps = math.ldexp(high - low, bits)
    if 0 < steps < _STEPS and not exact:
        warn(
            f"feature {name!r} has values from {low:.17g} to {high:.17g}, of which single precision, as XGBoost reads "
            f"numbers, distinguishes about {math.floor(steps) + 1}; subtract its least value in the table"
        )


def _range(feature: dict[str, Any]) -> tuple[float | None, float | None]:
    by_class = feature["by_class"].values()
    lows, highs = ([of[end] for of in by_class if of.get(end) is not None] for end in ("min", "max"))
    return min(lows, default=None), max(highs, default=None)


def _number_as_text(feature: dict[str, Any]) -> str | None:
    """Return a level of a text category all of whose frequent levels are numbers: fractions, or many of them."""
    levels = sorted({level for of in feature["by_class"].values() for level, _ in of["top"]})
    if feature["type"] != "string" or len(levels) < _FEW_LEVELS or not all(map(like_number, levels)):
        return None
    if _are_codes(levels):
        return None
    fractions = [level for level in levels if not level.isdigit()]
    return (fractions or levels)[0] if fractions or _levels(feature) >= _FEW_ROWS else None


def _are_codes(levels: list[str]) -> bool:
    """Whether levels are codes: digits of one length (postal codes, years), or two of one value (1.1 and 1.10)."""
    plain = [float(level) for level in levels if _PLAIN.fullmatch(level)]
    digits = all(set(level) <= set("0123456789+ ") for level in levels)
    return len(set(plain)) < len(plain) or (
        digits and len(levels[0]) >= _SHORTEST_CODE and len(set(map(len, levels))) == 1
    )


def _levels(feature: dict[str, Any]) -> int:
    return max((of.get("distinct", 0) for of in feature["by_class"].values()), default=0)

"""Descriptions of features in the format of `stats.json`, from the workers' summaries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.stats._whole_task import top_levels

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEVEL = 80
"""Characters of a category's name that are shown."""


def add_numbers(
    features: dict[str, Any], scalar: Sequence[str], blocks: Sequence[Any], counts: Mapping[str, int]
) -> dict[str, int]:
    """Add the description of numbers; return the number of rows of each class that quantiles come from."""
    drawn: dict[str, int] = {}
    for first, block in blocks:
        for name, of in zip(scalar[first:], block, strict=False):
            features[name]["by_class"] = {k: _described(of[k], counts[k]) for k in counts}
            drawn |= {k: of[k]["drawn"][0] for k in counts}
    return drawn


def _described(figures: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Return the description of one feature in one class."""
    quantiles = {str(q): _finite(v) for q, v in zip(QUANTILES, figures["quantiles"], strict=True)}
    shown = {what: _finite(figures[what]) for what in ("mean", "std", "min", "max")}
    return {"missing": rows - figures["known"], "infinite": figures["infinite"], **shown, "quantiles": quantiles}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def add_levels(features: dict[str, Any], names: Sequence[str], buckets: Sequence[Any]) -> dict[str, int]:
    """Add the description of categories; return the number of levels of each in all rows."""
    total = dict.fromkeys(names, 0)
    found: dict[str, dict[str, list[Any]]] = {name: {} for name in names}
    for i, (levels, by_class) in buckets:
        total[names[i]] += levels
        for label, of in by_class.items():
            if label is not None:
                found[names[i]].setdefault(label, []).append(of)
    for name, by_class in found.items():
        for label, parts in by_class.items():
            top = top_levels(pair for part in parts for pair in part[2])
            features[name]["by_class"][label] = {
                "missing": sum(part[0] for part in parts),
                "distinct": sum(part[1] for part in parts),
                "top": [[level[:LEVEL], n] for level, n in top],
            }
    return total


def is_constant(feature: Mapping[str, Any]) -> bool:
    """Whether a feature has at most one value in the whole table."""
    by_class = feature["by_class"].values()
    if feature["kind"] == "categorical":
        levels = {level for of in by_class for level, _ in of["top"]}
        return len(levels) <= 1 and all(of["distinct"] <= 1 for of in by_class)
    infinite = any(of["infinite"] for of in by_class)
    return not infinite and len({v for of in by_class for v in (of["min"], of["max"]) if v is not None}) <= 1

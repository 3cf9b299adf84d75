"""Checks for faults that later stages would only find after minutes. No pyspark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.comparing import check_metric, check_names
from steelyard.config import AUTO, PipelineConfig
from steelyard.dataset import Cost
from steelyard.errors import InputError
from steelyard.learning import largest_feature
from steelyard.metrics import check_gate

_SHOWN = 10


def check_promote(config: PipelineConfig, *, has_costs: bool | None = None, classes: int | None = None) -> None:
    """Raise `ConfigError` for a metric by which runs cannot be compared."""
    if config.promote is not None and config.promote.metric != AUTO:
        check_gate({config.promote.metric: {}}, has_costs=has_costs, classes=classes, key="promote.metric")


def check_compare(config: PipelineConfig) -> None:
    """Raise `ConfigError` for a metric of `compare` that needs costs."""
    if config.compare is None:
        return
    check_metric(config.compare.metric, has_costs=Cost.of(config.data.cost).known)
    check_names(config.compare)


def refuse_huge(features: Mapping[str, Any], model: str) -> None:
    """Raise for features with infinite values, or values beyond those that the trainer takes."""
    limit = largest_feature(model)
    found = [words for name, of in features.items() if (words := _huge(name, of["by_class"].values(), limit))]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InputError(
            f"features hold values that are infinite or beyond ±{limit:.0e}, which {model} can't learn from: "
            f"{', '.join(found[:_SHOWN])}{more}; replace them or leave those rows out (data.where)"
        )


def _huge(name: str, by_class: Any, limit: float) -> str | None:
    infinite = sum(of.get("infinite", 0) for of in by_class)
    if infinite:
        return f"{name!r} ({infinite:,} rows infinite)"
    size = max((abs(of[end]) for of in by_class for end in ("min", "max") if of.get(end) is not None), default=0)
    return f"{name!r} (up to {size:.3g} in size)" if size > limit else None

"""Common parts of all samplers, and their registry.

Public modules for people who write samplers:

- `base`: `Sampler`, the base of all; `measuring`: bases of those that take distances and search neighbours.
- `engine.base`: `EngineSampler`, which runs samplers of imbalanced-learn inside Spark tasks.
- `plan`: what a resampling does; `applying`: how a plan is applied to a table.
- `params`: parameters that several samplers have; `strategy`: how `sampling_strategy` is interpreted.
- `roles`, `features`, `survey`, `space`: column roles, numbers and categories, checks of values, distances and gaps.
- `neighborhood`: all rows as a search index; `statistics`: statistics that no partitioning changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.lazy import lazy
from steelyard.sampling.registry import (
    check_sampler,
    get_sampler,
    sampler_class,
    sampler_for,
    sampler_names,
    sampler_schema,
)

if TYPE_CHECKING:
    from steelyard.sampling._none import NoResampling
    from steelyard.sampling.applying import IS_SYNTHETIC, apply_plan
    from steelyard.sampling.base import Sampler
    from steelyard.sampling.engine.imblearn import ImblearnSampler
    from steelyard.sampling.plan import ClassPlan, Effect, Resampling, SamplingPlan, Work
    from steelyard.sampling.roles import check_flag

__all__ = [
    "IS_SYNTHETIC",
    "ClassPlan",
    "Effect",
    "ImblearnSampler",
    "NoResampling",
    "Resampling",
    "Sampler",
    "SamplingPlan",
    "Work",
    "apply_plan",
    "check_flag",
    "check_sampler",
    "get_sampler",
    "sampler_class",
    "sampler_for",
    "sampler_names",
    "sampler_schema",
]

# The command line looks samplers up by name without Spark.
__getattr__ = lazy(__name__, "plan", "applying", "roles", "base", "_none", "engine.imblearn")

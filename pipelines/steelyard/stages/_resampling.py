"""The sampler of a run: the configured one, or with `auto` the one that `diagnose` recommends."""

from __future__ import annotations

from steelyard.config import AUTO, ResampleConfig
from steelyard.diagnosis import recommended_sampler
from steelyard.stages._context import Context


def wanted_sampler(ctx: Context) -> ResampleConfig:
    """Return the sampler of a run and its parameters.

    Raises
    ------
    InputError
        If it is `auto` and the stage `diagnose` hasn't been done.
    """
    if ctx.config.resample.method != AUTO:
        return ctx.config.resample
    return recommended_sampler(ctx.read("diagnose", "difficulty.json"))

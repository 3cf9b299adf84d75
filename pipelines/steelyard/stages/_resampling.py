"""The sampler of a run: the configured one, or with `auto` the one that `compare` chose or `diagnose` recommends."""

from __future__ import annotations

from steelyard.config import AUTO, ResampleConfig
from steelyard.diagnosis import recommended_sampler
from steelyard.stages._context import Context
from steelyard.stages._resolved import resolved


def wanted_sampler(ctx: Context) -> ResampleConfig:
    """Return the sampler of a run and its parameters.

    Raises
    ------
    InputError
        If it is `auto` and the stage `compare` or `diagnose` has not been done.
    """
    found = resolved(ctx).resample
    if found.method != AUTO:
        return found
    return recommended_sampler(ctx.read("diagnose", "difficulty.json"))

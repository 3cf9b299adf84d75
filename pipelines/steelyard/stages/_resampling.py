"""The sampler of a run: the configured one, or with `auto` the one that `diagnose` recommends."""

from __future__ import annotations

from steelyard.config import AUTO, ResampleConfig
from steelyard.diagnosis import recommended_sampler
from steelyard.errors import ConfigError, closest
from steelyard.sampling import check_sampler
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


def check_resampling(wanted: ResampleConfig) -> None:
    """Check a sampler's name and parameters without a Spark session.

    Raises
    ------
    ConfigError
        If there is no such sampler or parameter; `auto` takes none.
    """
    slips = [name for name in wanted.params if closest(name, ["method"])]
    if slips and "method" not in wanted.model_fields_set:
        raise ConfigError(f"resample.{slips[0]}: unknown key. Did you mean 'method'?")
    if wanted.method != AUTO:
        check_sampler(wanted.method, wanted.params)
    elif wanted.params:
        raise ConfigError(
            f"resample.{next(iter(wanted.params))}: with method auto, the diagnosis chooses the sampler and its "
            "parameters; leave it out, or name a sampler"
        )

"""Checks before a session starts: names and parameters of samplers, trainers, suites and metrics."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steelyard.config import AUTO, CostConfig, PipelineConfig, ResampleConfig, SparkConfig, resolve_env
from steelyard.deciding import check_rule
from steelyard.errors import ConfigError, InputError, closest
from steelyard.guards import check_parameters, check_suite
from steelyard.learning import check_trainer
from steelyard.metrics import check_gate
from steelyard.sampling import check_sampler
from steelyard.stages.commands.session import master_of


@contextmanager
def named(section: str) -> Iterator[None]:
    """Prefix the errors of checks with the section of the YAML."""
    try:
        yield
    except ConfigError as error:
        known = str(error).startswith(section)
        raise ConfigError(str(error) if known else f"{section}{'' if section.endswith('.') else ': '}{error}") from None


def check(config: PipelineConfig) -> None:
    """Raise `ConfigError` for a sampler, trainer, suite, rule or metric that isn't there, or wrong parameters."""
    with named("resample"):
        check_resampling(config.resample)
    with named("train"):
        check_trainer(config.train.model, config.train.params)
    suites = (config.guards.raw, config.guards.split, config.guards.resampled, config.guards.scored)
    for suite in suites:
        check_suite(suite)
    check_parameters(suites, config.guards.parameters)
    with named("decide."):
        rule, argument = check_rule(config.threshold_rule, has_costs=config.data.cost != CostConfig())
    if rule == "value" and not 0 <= float(argument) <= 1:
        raise ConfigError(f"decide.threshold.value: must be a probability, from 0 to 1. Got {argument} instead.")
    check_gate(config.gate, has_costs=config.data.cost != CostConfig())


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


def check_paths(config: PipelineConfig, what: str = "data.path") -> None:
    """Raise `InputError` for a missing local input, before Java starts."""
    paths = [config.data.path] if isinstance(config.data.path, str) else config.data.path or []
    for path in resolve_env(paths):
        check_path(path, config.spark, what)


def check_path(path: str, spark: SparkConfig, what: str) -> None:
    """Raise `InputError` if `path` is local and does not exist.

    Globs are left to Spark, and so is every path where another file system may be the default.
    """
    if _elsewhere(path, spark) or any(c in path for c in "*?[{"):
        return
    place = Path(path.removeprefix("file://"))
    if not os.path.lexists(place):
        near = closest(place.name, os.listdir(place.parent)) if place.parent.is_dir() else ""
        raise InputError(f"{what}: there is no file or folder {place}.{near}")
    if not os.access(place, os.R_OK):
        raise InputError(f"{what}: {place} may not be read by this user")


def _elsewhere(path: str, spark: SparkConfig) -> bool:
    """Whether a path isn't, or may not be, on this machine."""
    if path.startswith("file://"):
        return False
    other = any("fs.defaultFS" in key for key in spark.conf) or bool(os.environ.get("HADOOP_CONF_DIR"))
    return ":" in path.partition("/")[0] or other or not master_of(spark).startswith("local")

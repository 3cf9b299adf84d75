"""Checks before a session starts: names and parameters of samplers, trainers, suites and metrics."""

from __future__ import annotations

import os
from pathlib import Path

from steelyard.classifier import check_recipe
from steelyard.config import AUTO, PipelineConfig, Recipe, ResampleConfig, SparkConfig, resolve_env
from steelyard.dataset import Cost
from steelyard.errors import ConfigError, InputError, closest
from steelyard.guards import check_parameters, check_suite
from steelyard.learning import trainer_class
from steelyard.metrics import check_gate
from steelyard.sampling import get_sampler
from steelyard.stages._refusals import check_compare, check_promote
from steelyard.stages.commands.session import master_of


def check(config: PipelineConfig) -> None:
    """Raise `ConfigError` for a sampler, trainer, suite, rule or metric that isn't there, or wrong parameters."""
    recipe = Recipe(resample=config.resample, train=config.train.known, decide=config.decide)
    cost = Cost.of(config.data.cost)
    check_recipe(recipe, cost=cost, sampling_rate=config.data.sampling_rate)
    for name, of in config.compare.given.items() if config.compare is not None else ():
        try:
            check_recipe(Recipe(resample=of.resample, train=of.train, decide=config.decide))
            trainer_class(of.train.model).check_domain(config.data.domains)
            _check_sampled(of.resample, config)
        except ConfigError as error:
            raise ConfigError(f"compare.candidates.{name}: {error}") from None
    suites = (config.guards.raw, config.guards.split, config.guards.resampled, config.guards.scored)
    for suite in suites:
        check_suite(suite)
    check_parameters(suites, config.guards.parameters)
    check_gate(config.gate, has_costs=cost.known)
    _check_transfer(config)
    _check_domain(config)
    check_promote(config, has_costs=cost.known)
    check_compare(config)


def _check_domain(config: PipelineConfig) -> None:
    """Raise `ConfigError` for a domain that the sampler or the trainer cannot obey."""
    trainer_class(config.train.trainer).check_domain(config.data.domains)
    _check_sampled(config.resample, config)


def _check_sampled(wanted: ResampleConfig, config: PipelineConfig) -> None:
    if wanted.method == AUTO:
        return
    try:
        get_sampler(wanted.method, **wanted.params).within(config.data.domains)
    except InputError as error:
        raise ConfigError(f"data.{error}") from None


def _check_transfer(config: PipelineConfig) -> None:
    """Raise `ConfigError` for a method of transfer that the trainer cannot follow."""
    how, trainer = config.train.transfer, trainer_class(config.train.trainer)
    if how is None or how.takes_rows:
        return
    if not trainer.continues or trainer.fine_tunes != (how.method == "fine_tune"):
        raise ConfigError(
            f"train.transfer.method: {how.method} does not take {trainer.name}; importance_weighting takes every "
            "model, warm_start takes xgboost, and fine_tune takes neural_network"
        )


def check_paths(config: PipelineConfig, what: str = "data.path") -> None:
    """Raise `InputError` for a missing local input, before Java starts."""
    paths = [config.data.path] if isinstance(config.data.path, str) else config.data.path or []
    for path in resolve_env(paths):
        check_path(path, config.spark, what)
    if config.train.transfer is not None and config.train.transfer.source is not None:
        source = resolve_env(config.train.transfer.source)
        check_path(source, config.spark, "train.transfer.source")
        if not _elsewhere(source, config.spark):
            from steelyard.stages._transfer import check_start_model  # imports Spark

            check_start_model(config.train)


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

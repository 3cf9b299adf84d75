"""Checks before a session starts: names and parameters of samplers, trainers, suites and metrics."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from steelyard.config import AUTO, CostConfig, PipelineConfig, SparkConfig, resolve_env
from steelyard.dataset import Dataset
from steelyard.deciding import check_rule
from steelyard.errors import ConfigError, InputError, closest
from steelyard.guards import check_parameters, check_suite
from steelyard.learning import check_trainer
from steelyard.metrics import check_gate
from steelyard.sampling import sampler_for
from steelyard.sampling.base import Sampler
from steelyard.stages._resampling import check_resampling
from steelyard.stages._session import master_of
from steelyard.weighting import class_weights


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


def check_profile(config: PipelineConfig, df: DataFrame, found: Dataset, statistics: Mapping[str, Any]) -> None:
    """Raise `InputError` for what a table's types, classes and missing values forbid later stages; `found` of it all.

    Missing values are those of all rows, though a sampler sees training rows alone: whether a run goes through must
    not depend on the split.
    """
    check_gate(config.gate, classes=len(statistics["classes"]))
    class_weights({c: of["count"] for c, of in statistics["classes"].items()}, config.train.class_weight)
    sampler = _sampler(config, found)
    if sampler is not None:
        sampler.check_columns(df)
        missing = {f: of["by_class"] for f, of in statistics["features"].items()}
        sampler.check_missing({f: sum(c.get("missing") or 0 for c in of.values()) for f, of in missing.items()})


def check_split(config: PipelineConfig, found: Dataset, training: Mapping[str, int]) -> None:
    """Raise `InputError` if a sampler cannot do what is requested with the training rows of each class."""
    sampler = _sampler(config, found)
    if sampler is not None:
        sampler.check_counts({c: n for c, n in training.items() if n})


def _sampler(config: PipelineConfig, found: Dataset) -> Sampler | None:
    wanted = config.resample
    return None if wanted.method == AUTO else sampler_for(found, wanted.method, wanted.params)


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

"""Derive from the table of stages: which stages a change repeats, and their estimated time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from steelyard.config import ALL_STAGES, AUTO, STAGE_TABLE, STAGES, PipelineConfig, ResampleConfig, Stage, stages_of
from steelyard.errors import SteelyardError

__all__ = [
    "ALL_STAGES",
    "STAGES",
    "changed_keys",
    "dependents",
    "fingerprint",
    "first_reader",
    "format_of",
    "stages_of",
    "time_left",
]

_BY_NAME = {stage.name: stage for stage in STAGE_TABLE}


def dependents(stages: Collection[str], config: PipelineConfig) -> tuple[str, ...]:
    """Return some stages and all of the pipeline that read their output, directly or not, in order."""
    found, has = set(stages), stages_of(config)
    for stage in STAGE_TABLE:
        if stage.name in has and found & set(_inputs(stage, config)):
            found.add(stage.name)
    return tuple(name for name in ALL_STAGES if name in found)


def _inputs(stage: Stage, config: PipelineConfig) -> Iterable[str]:
    """Return the stages whose output a stage reads under a configuration."""
    if stage.name == "resample":
        guide = "diagnose" if config.compare is None else "compare"
        unread = {"diagnose", "compare"} - ({guide} if config.resample.method == AUTO else set())
    else:
        unread = {"compare"} if stage.name == "train" and config.train.model != AUTO else set()
    return (name for name in stage.reads if name not in unread)


def fingerprint(stage: str, config: PipelineConfig) -> str:
    """Return a digest of the values of the keys that a stage reads."""
    relevant = {key: value for key, value in _flat(config).items() if _reads(_BY_NAME[stage], key)}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def format_of(stage: str) -> int:
    """Return the version of what a stage writes, see `Stage`."""
    return _BY_NAME[stage].format


def changed_keys(one: PipelineConfig, other: PipelineConfig) -> dict[str, tuple[Any, Any]]:
    """Return the keys in which two configurations differ, with both values."""
    a, b = _flat(one), _flat(other)
    return {key: (a.get(key), b.get(key)) for key in {**a, **b} if a.get(key) != b.get(key)}


def first_reader(key: str, stages: Collection[str] = STAGES) -> str | None:
    """Return the first of some stages that reads a key, None if none does."""
    return next((stage.name for stage in STAGE_TABLE if stage.name in stages and _reads(stage, key)), None)


def time_left(spent: Mapping[str, float], kept: Collection[str] = (), stages: Sequence[str] = STAGES) -> float:
    """Return the estimated seconds of the remaining stages.

    Parameters
    ----------
    spent : mapping of str to float
        Stages that have been executed, at least one, and their seconds. The last is the one that has just ended.
    kept : collection of str
        Stages that are not executed.
    stages : sequence of str
        The stages of the pipeline.
    """
    last = max(map(stages.index, spent))
    rest = sum(_BY_NAME[s].weight for s in stages[last + 1 :] if s not in kept)
    return rest * sum(spent.values()) / sum(_BY_NAME[s].weight for s in spent)


def _reads(stage: Stage, key: str) -> bool:
    return _below(key, stage.keys) and not _below(key, stage.without)


def _below(key: str, keys: Iterable[str]) -> bool:
    return any(key == k or key.startswith(f"{k}.") for k in keys)


def _flat(config: PipelineConfig) -> dict[str, Any]:
    """Return the values of a configuration by their keys with dots."""
    cost = config.data.cost
    columns = {c for c in (cost.false_negative, cost.false_positive) if isinstance(c, str)}
    interpolated = sorted(columns) if columns and _makes_rows(config.resample) else []
    derived = {"data.cost.columns": interpolated, "decide.threshold.conformal": _keeps_half(config)}
    in_training = config.train.cost_weights or config.train.class_weight == "cost_matrix"
    derived["data.cost.training"] = cost.model_dump(mode="json") if in_training else None
    leaves = _leaves(config.to_json())
    if not config.data.domain:  # runs of versions without it are resumed
        del leaves["data.domain"]
    return {**leaves, **derived}


def _keeps_half(config: PipelineConfig) -> bool:
    """Return whether training leaves half of the validation rows to conformal recall; False where it is not known."""
    if "conformal_recall" not in (config.decide.threshold or ()):
        return False
    from steelyard.learning import get_trainer

    try:
        return get_trainer(config.train.model, config.train.params).needs_validation
    except SteelyardError:  # an earlier run with a trainer that is not installed any more
        return False


def _makes_rows(resample: ResampleConfig) -> bool:
    """Return whether a sampler makes new rows, in which it interpolates costs; True where that is not known."""
    from steelyard.sampling import get_sampler

    if resample.method == AUTO:
        return True
    try:
        return get_sampler(resample.method, **resample.params).makes_rows
    except SteelyardError:  # an earlier run with a sampler that is not installed any more
        return True


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {path: value}
    return {p: v for k, of in value.items() for p, v in _leaves(of, f"{path}.{k}" if path else str(k)).items()}

"""The stages, their order, and which sections of the configuration each depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import reduce
from operator import getitem
from typing import Any

from steelyard.config import STAGES, PipelineConfig

__all__ = ["STAGES", "WEIGHTS", "downstream", "fingerprint", "time_left"]

_SECTIONS: dict[str, tuple[str, ...]] = {
    "profile": ("data",),
    "guard_raw": ("guards",),
    "split": ("split",),
    "guard_split": ("guards",),
    "diagnose": ("train.model",),
    "resample": ("resample",),
    "guard_resampled": ("guards",),
    "train": ("train", "decide"),
    "evaluate": (),
    "guard_scored": ("guards",),
    "report": ("gate",),
    "gate": ("gate",),
}

# How long each stage takes, for the estimate of the time left; only the proportions matter. Geometric means over the
# runs in tests/unit/test_time_left.py. The first stage also starts Spark, which weighs more the smaller a table is:
# `profile` has the weight that keeps all these runs within a factor of two.
WEIGHTS: dict[str, float] = {
    "profile": 43.0,
    "guard_raw": 11.0,
    "split": 9.0,
    "guard_split": 9.0,
    "diagnose": 20.0,
    "resample": 10.0,
    "guard_resampled": 6.0,
    "train": 26.0,
    "evaluate": 10.0,
    "guard_scored": 1.7,
    "report": 0.2,
    "gate": 0.02,
}


def downstream(stage: str) -> tuple[str, ...]:
    """Return the stage and all that come after it."""
    return STAGES[STAGES.index(stage) :]


def fingerprint(stage: str, config: PipelineConfig) -> str:
    """Return a digest of what the stage depends on in the configuration; its inputs are the stages before it."""
    document: dict[str, Any] = config.to_json()
    relevant = {s: reduce(getitem, s.split("."), document) for s in _SECTIONS[stage]}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def time_left(spent: Mapping[str, float]) -> float:
    """Return about how many seconds the stages after some will take.

    Parameters
    ----------
    spent : mapping of str to float
        Stages that have been executed, at least one, and their seconds. The last is the one that has just ended.
    """
    rest = downstream(max(spent, key=STAGES.index))[1:]
    return sum(WEIGHTS[s] for s in rest) * sum(spent.values()) / sum(WEIGHTS[s] for s in spent)

"""The stages, their order, and which sections of the configuration each depends on."""

from __future__ import annotations

import hashlib
import json
from functools import reduce
from operator import getitem
from typing import Any

from steelyard.config import STAGES, PipelineConfig

__all__ = ["STAGES", "WEIGHTS", "downstream", "fingerprint"]

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

# Seconds of each stage on a laptop, for the estimate of the time left; only their proportions matter.
WEIGHTS: dict[str, float] = {
    "profile": 5,
    "guard_raw": 8,
    "split": 3,
    "guard_split": 5,
    "diagnose": 6,
    "resample": 3,
    "guard_resampled": 5,
    "train": 25,
    "evaluate": 8,
    "guard_scored": 4,
    "report": 1,
    "gate": 0.1,
}


def downstream(stage: str) -> tuple[str, ...]:
    """Return the stage and all that come after it."""
    return STAGES[STAGES.index(stage) :]


def fingerprint(stage: str, config: PipelineConfig) -> str:
    """Return a digest of what the stage depends on in the configuration; its inputs are the stages before it."""
    document: dict[str, Any] = config.to_json()
    relevant = {s: reduce(getitem, s.split("."), document) for s in _SECTIONS[stage]}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]

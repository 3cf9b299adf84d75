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

# Seconds of each stage on a laptop, for the estimate of the time left; only their proportions matter. The first stage
# to run starts Spark too. Measured on 288,000 rows of 20 columns, under-sampled, 100 trees.
WEIGHTS: dict[str, float] = {
    "profile": 17.6,
    "guard_raw": 3.2,
    "split": 1.9,
    "guard_split": 3.8,
    "diagnose": 5.8,
    "resample": 1.4,
    "guard_resampled": 0.9,
    "train": 7.6,
    "evaluate": 3.1,
    "guard_scored": 0.5,
    "report": 0.1,
    "gate": 0.01,
}


def downstream(stage: str) -> tuple[str, ...]:
    """Return the stage and all that come after it."""
    return STAGES[STAGES.index(stage) :]


def fingerprint(stage: str, config: PipelineConfig) -> str:
    """Return a digest of what the stage depends on in the configuration; its inputs are the stages before it."""
    document: dict[str, Any] = config.to_json()
    relevant = {s: reduce(getitem, s.split("."), document) for s in _SECTIONS[stage]}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]

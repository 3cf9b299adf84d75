"""The names of the stages, for those who order or schedule them without running them."""

from __future__ import annotations

STAGES: tuple[str, ...] = (
    "profile",
    "guard_raw",
    "split",
    "guard_split",
    "diagnose",
    "resample",
    "guard_resampled",
    "train",
    "evaluate",
    "guard_scored",
    "report",
    "gate",
)

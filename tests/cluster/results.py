"""What a run has come to."""

from __future__ import annotations

from typing import Any

import pandas as pd

from steelyard.store import RunDir


def results(run: RunDir) -> dict[str, Any]:
    """Return plans, rows and metrics, to the last digit; rows in an order of their own."""
    attempts = {stage: _attempt(run, stage) for stage in ("split", "resample", "evaluate")}
    folders = [f"resample/{attempts['resample']}/{name}" for name in ("synthetic", "dropped")]
    folders = [folder for folder in folders if run.exists(folder)]
    assert folders, "the sampler makes or drops rows"
    return {
        "split": run.read_json(f"split/{attempts['split']}/plan.json"),
        "resample": run.read_json(f"resample/{attempts['resample']}/plan.json"),
        "rows": {folder.rpartition("/")[2]: _rows(run, folder) for folder in folders},
        "scores": _rows(run, f"scores/{attempts['evaluate']}"),
        "metrics": run.read_json("metrics.json"),
    }


def _attempt(run: RunDir, stage: str) -> str:
    outcome = run.outcome(stage)
    assert outcome is not None and outcome.done, f"{stage} is done"
    return outcome.attempt


def _rows(run: RunDir, folder: str) -> list[str]:
    frame = pd.read_parquet(f"{run.location}/{folder}")
    assert len(frame)
    return sorted(map(repr, frame[sorted(frame.columns)].itertuples(index=False, name=None)))

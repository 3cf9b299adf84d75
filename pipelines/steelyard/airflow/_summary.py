"""The XCom summary of a stage's task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.store import Outcome, RunDir

_LARGEST = 4000  # characters: XCom is stored in Airflow's own database


def summary(run: RunDir, outcome: Outcome) -> dict[str, Any]:
    """Return an outcome in short. Rows and details that are long (many classes) are left to the store."""
    found: dict[str, Any] = {"stage": outcome.stage, "status": outcome.status, "attempt": outcome.attempt}
    found["run_dir"] = run.location
    found |= {k: v for k, v in (("rows", outcome.rows), ("details", outcome.details)) if _small(v)}
    if outcome.stage in ("evaluate", "gate"):
        judged = run.outcome("evaluate")
        files = run.published("evaluate") if judged is not None and judged.done else run
        found["minority"] = headline(files.read_json("metrics.json"))
    return found


def headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the rare class fares on the test split; of several classes, the mean over them."""
    from steelyard.metrics import metric_names  # imports NumPy, which DAG files do not need

    test, positive = metrics["splits"]["test"], metrics["positive"]
    numbers = {**test, **(test["macro"] if positive is None else test["per_class"][positive])}
    shown = {name: numbers[name] for name in metric_names(headline=True) if name in numbers}
    return {"class": positive, "threshold": metrics["threshold"], **shown}


def _small(value: Any) -> bool:
    return len(json.dumps(value, default=str)) <= _LARGEST

"""The data of a report, read from the run directory. Missing data is None or empty."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from steelyard.config import ALL_STAGES
from steelyard.store import Folder, Outcome, Published, RunDir
from steelyard.store.promotions import Promotion, history

GUARDS = ("raw", "split", "resampled", "scored")
_DOCUMENTS = {
    "stats": ("profile", "stats.json"),
    "split": ("split", "plan.json"),
    "difficulty": ("diagnose", "difficulty.json"),
    "compare": ("compare", "choice.json"),
    "resample": ("resample", "plan.json"),
    "metrics": ("evaluate", "metrics.json"),
    "curves": ("evaluate", "curves.json"),
    "explanation": ("explain", "explanation.json"),
}
"""Field of `Artifacts` → the stage and the name of its file."""


@dataclass(frozen=True)
class Artifacts:
    """The published data of a run: `run.json`, outcomes of stages in their order, their documents, reports of guards.

    Documents are empty where they do not exist; guards are by checkpoint. `promotions` are those of the pipeline.
    """

    manifest: dict[str, Any]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    difficulty: dict[str, Any] = field(default_factory=dict)
    compare: dict[str, Any] = field(default_factory=dict)
    resample: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, Any] = field(default_factory=dict)
    explanation: dict[str, Any] = field(default_factory=dict)
    guards: dict[str, dict[str, Any]] = field(default_factory=dict)
    promotions: list[Promotion] = field(default_factory=list)

    @property
    def failure(self) -> Outcome | None:
        """The first stage that failed, except the gate, whose failure is a verdict and shown as one."""
        return next((o for o in self.outcomes.values() if not o.done and o.stage not in ("report", "gate")), None)

    @property
    def positive(self) -> str | None:
        """The positive class, if there are two classes."""
        found: str | None = self.metrics.get("positive", self.stats.get("positive"))
        return found

    @property
    def label(self) -> str:
        """The label column."""
        return str(self.stats.get("label") or self.manifest.get("config", {}).get("data", {}).get("label", "label"))

    @property
    def drawn_together(self) -> str | None:
        """The units that intervals resample, as text; None if they are single rows."""
        config = self.manifest.get("config", {})
        group = config.get("data", {}).get("group")
        if group is not None:
            return f"groups of {group}"
        return "days" if config.get("split", {}).get("method") == "temporal" else None

    @property
    def training(self) -> dict[str, Any]:
        """Details of the stages `train` and `decide`: the model, its calibration and its threshold."""
        outcomes = (self.outcomes.get("train"), self.outcomes.get("decide"))
        return {k: v for outcome in outcomes if outcome is not None for k, v in outcome.details.items()}

    @property
    def test(self) -> dict[str, Any]:
        """The metrics of the test split."""
        found: dict[str, Any] = self.metrics.get("splits", {}).get("test") or {}
        return found


def read(run: RunDir) -> Artifacts:
    """Return all data that the report shows."""
    outcomes = {stage: outcome for stage in ALL_STAGES if (outcome := run.checked_outcome(stage)) is not None}
    return Artifacts(
        manifest=run.manifest(),
        outcomes=outcomes,
        **{name: _document(run, outcomes.get(stage), file) for name, (stage, file) in _DOCUMENTS.items()},
        guards={c: found for c in GUARDS if (found := _guard(run, outcomes.get(f"guard_{c}"), c))},
        promotions=history(run.parent()),
    )


def _document(run: RunDir, outcome: Outcome | None, name: str) -> dict[str, Any]:
    """Return the JSON file of that name among those that a stage published."""
    if outcome is None or not outcome.done:
        return {}
    paths = [f["path"] for f in outcome.files if f["path"].rsplit("/", 1)[-1] == name]
    return _json(run.published(outcome.stage), min(paths, key=len)) if paths else {}


def _guard(run: RunDir, outcome: Outcome | None, checkpoint: str) -> dict[str, Any]:
    """Return the report of a guard, also of a failed one."""
    if outcome is None:
        return {}
    path = outcome.details.get("report") or f"guards/{outcome.attempt}/{checkpoint}.json"
    if outcome.done or outcome.files:
        return _json(Published(run, outcome), path)
    return _json(run, path) if run.exists(path) else {}  # earlier versions listed no files of a failed guard


def _json(files: Folder, path: str) -> dict[str, Any]:
    document: dict[str, Any] = files.read_json(path)
    return document

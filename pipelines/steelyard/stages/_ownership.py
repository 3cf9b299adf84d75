"""Recognise run directories that steelyard made: only these are ever deleted."""

from __future__ import annotations

from typing import Any

from steelyard.errors import InputError
from steelyard.report import CARD
from steelyard.stages._order import ALL_STAGES
from steelyard.store import RunDir, is_temporary

TORN = "its run.json can't be read"
FOREIGN = "steelyard did not make it"
_MADE = {*ALL_STAGES, "guards", "model", "scores", "stages", "run.json", "metrics.json", "report.html", *CARD}


def why_foreign(run: RunDir, pipeline: str, run_id: str) -> str | None:
    """Return the reason why a directory must not be deleted as the run of this name, or None.

    The `run.json` of a run contains its name: a copy under another name is not a run. A file that a user added to a
    run's directory protects it.
    """
    if run.is_link():
        return "it is a link"
    other = sorted(name for name in run.names() if name not in _MADE and not is_temporary(name))
    if other:
        return f"it holds {other[0]!r}, which steelyard did not make"
    try:
        manifest = run.manifest()
    except InputError:
        return TORN
    return None if _names(manifest, pipeline, run_id) else FOREIGN


def _names(manifest: dict[str, Any], pipeline: str, run_id: str) -> bool:
    made = isinstance(manifest.get("claim"), str) and isinstance(manifest.get("config"), dict)
    return made and (manifest.get("pipeline"), manifest.get("run_id")) == (pipeline, run_id)

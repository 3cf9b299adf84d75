"""Which run of a pipeline is live, and who replaced whom: `STORE/<name>/current.json` and `_promotions/`.

`current.json` is one small write: the last promotion. It holds while the run has the model that was promoted, and its
gate passes; see `standing`. A pipeline without it follows the rule of `steelyard.stages.commands.current`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from steelyard.errors import InputError
from steelyard.store._json import signed, verified
from steelyard.store._outcome import now
from steelyard.store._run import RunDir

CURRENT, FOLDER = "current.json", "_promotions"
ROLLBACK = "steelyard rollback"
_STAMP = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Promotion:
    """A run that has become current.

    Parameters
    ----------
    run_id : str
    replaces : str or None
        The run that was current before.
    by : str
        The stage or command.
    reason : str
    at : str
        ISO 8601.
    model : str, optional
        The attempt of `decide` that published the model with its threshold.
    gate_passed : bool, default True
        Whether the gate of the run had passed.
    """

    run_id: str
    replaces: str | None
    by: str
    reason: str
    at: str
    model: str | None = None
    gate_passed: bool = True

    def holds(self, run: RunDir) -> bool:
        """Whether the run still has the model that was promoted, and still passes its gate if it passed it then."""
        return (_passes(run) or not self.gate_passed) and self.model == _model(run)


def promoted(place: RunDir) -> str | None:
    """Return the id of the run that `current.json` in a pipeline's folder names, None without that file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    latest = _latest(place)
    return None if latest is None else latest.run_id


def standing(place: RunDir) -> str | None:
    """Return the run whose promotion holds: the last one, else the run that it replaced, and so on; None without any.

    A run that replaced none, or was never promoted, is current by its gate alone.

    Raises
    ------
    InputError
        If `current.json`, or the outcome of a gate, is damaged.
    """
    latest = _latest(place)
    if latest is None or latest.holds(place.below(latest.run_id)):
        return None if latest is None else latest.run_id
    made = {promotion.run_id: promotion for promotion in history(place)}
    name, seen = predecessor(place, latest.run_id), {latest.run_id}
    while name is not None and name not in seen:
        run = place.below(name)
        if made[name].holds(run) if name in made else _passes(run):
            return name
        seen.add(name)
        name = predecessor(place, name)
    return None


def _passes(run: RunDir) -> bool:
    outcome = run.checked_outcome("gate")
    return outcome is not None and outcome.done


def _model(run: RunDir) -> str | None:
    outcome = run.outcome("decide")
    return None if outcome is None else outcome.attempt


def _latest(place: RunDir) -> Promotion | None:
    if not place.exists(CURRENT):
        return None
    try:
        return _promotion(verified(place.read_json(CURRENT)))
    except (OSError, ValueError, TypeError, LookupError):
        raise InputError(
            f"{place.location}/{CURRENT} can't be read; `steelyard promote RUN_DIR` writes it again"
        ) from None


def promote(
    place: RunDir, run_id: str, replaces: str | None, *, by: str, reason: str, more: Mapping[str, Any] | None = None
) -> Promotion:
    """Make a run current. The history is written first, so that each current run has its reason."""
    run = place.below(run_id)
    made = Promotion(run_id, replaces, by, reason, now(), model=_model(run), gate_passed=_passes(run))
    document = signed({**made.__dict__, **(more or {})})
    place.below(FOLDER).write_json(f"{datetime.now(UTC):{_STAMP}}_{run_id}.json", document)
    place.write_json(CURRENT, signed(made.__dict__))
    return made


def history(place: RunDir) -> list[Promotion]:
    """Return the promotions of a pipeline, the earliest first; files that can't be read are left out."""
    folder, found = place.below(FOLDER), []
    for name in sorted(folder.files()):
        try:
            found.append(_promotion(verified(folder.read_json(name))))
        except (OSError, ValueError, TypeError, LookupError):
            continue
    return found


def _promotion(document: Mapping[str, Any]) -> Promotion:
    if not isinstance(document["run_id"], str):
        raise TypeError("a run id is text")
    return Promotion(**{field: document[field] for field in Promotion.__dataclass_fields__ if field in document})


def predecessor(place: RunDir, run_id: str) -> str | None:
    """Return the run that a run had replaced when it became current for the last time, rollbacks not counted."""
    made = [p for p in history(place) if p.run_id == run_id and p.by != ROLLBACK]
    return made[-1].replaces if made else None

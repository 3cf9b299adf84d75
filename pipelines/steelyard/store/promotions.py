"""Which run of a pipeline is live, and who replaced whom: `STORE/<name>/current.json` and `_promotions/`.

`current.json` is one small write. A pipeline without it follows the rule of `steelyard.stages.commands.current`.
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
    """

    run_id: str
    replaces: str | None
    by: str
    reason: str
    at: str


def promoted(place: RunDir) -> str | None:
    """Return the id of the run that `current.json` in a pipeline's folder names, None without that file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if not place.exists(CURRENT):
        return None
    try:
        return str(verified(place.read_json(CURRENT))["run_id"])
    except (OSError, ValueError, TypeError, LookupError):
        raise InputError(
            f"{place.location}/{CURRENT} can't be read; `steelyard promote RUN_DIR` writes it again"
        ) from None


def promote(
    place: RunDir, run_id: str, replaces: str | None, *, by: str, reason: str, more: Mapping[str, Any] | None = None
) -> Promotion:
    """Make a run current. The history is written first, so that each current run has its reason."""
    made = Promotion(run_id, replaces, by, reason, now())
    document = signed({**made.__dict__, **(more or {})})
    place.below(FOLDER).write_json(f"{datetime.now(UTC):{_STAMP}}_{run_id}.json", document)
    place.write_json(CURRENT, signed({"run_id": run_id, "at": made.at, "reason": reason}))
    return made


def history(place: RunDir) -> list[Promotion]:
    """Return the promotions of a pipeline, the earliest first; files that can't be read are left out."""
    folder, found = place.below(FOLDER), []
    for name in sorted(folder.files()):
        try:
            document = verified(folder.read_json(name))
            found.append(Promotion(**{field: document[field] for field in Promotion.__dataclass_fields__}))
        except (OSError, ValueError, TypeError, LookupError):
            continue
    return found


def predecessor(place: RunDir, run_id: str) -> str | None:
    """Return the run that a run had replaced when it became current for the last time, rollbacks not counted."""
    made = [p for p in history(place) if p.run_id == run_id and p.by != ROLLBACK]
    return made[-1].replaces if made else None

"""Make a run current by hand, or go back to the one before."""

from __future__ import annotations

from steelyard.errors import InputError
from steelyard.stages._model import saved_classifier
from steelyard.stages.commands.current import date_and_id, replaced_run, run_name
from steelyard.store import RunDir, Store, open_run
from steelyard.store.promotions import ROLLBACK, Promotion, predecessor, promote, promoted, standing

BY_HAND = "steelyard promote"


def promote_run(run_dir: str, reason: str) -> tuple[Promotion, list[str]]:
    """Make a run current, whatever its metrics are. Returns the promotion, and notes for the user.

    Raises
    ------
    InputError
        If the reason is empty, the run has no model, or it is current already.
    """
    run = open_run(run_dir)
    made = _made(run, _checked(reason), BY_HAND)
    notes = [] if made.gate_passed else [f"the gate of run {made.run_id} has not passed"]
    return made, notes + _older(run, made.replaces)


def _older(run: RunDir, other: str | None) -> list[str]:
    """Return a note if the data of a run are older than those of the run that it replaces."""
    place = run.parent()
    if other is None or not place.below(other).exists("run.json"):
        return []
    own, before = (date_and_id(of)[0] for of in (run, place.below(other)))
    name = run_name(run)
    return [f"the data of run {name} are of {own}, older than those of run {other}: {before}"] if own < before else []


def rollback(location: str, reason: str) -> Promotion:
    """Make the run current that was current before the present one.

    Raises
    ------
    InputError
        If the reason is empty, nothing was promoted, or the earlier run is gone.
    """
    place = Store(location).here()
    if place.exists("run.json"):
        raise InputError(f"{location} is a run; name the folder of its pipeline, {place.parent().location}")
    name = promoted(place)
    if name is None:
        raise InputError(f"{location} has no current.json: no run of it was promoted")
    now = standing(place)
    before = predecessor(place, name) if now == name else now
    if before is None:
        raise InputError(f"no run was current before {name}; `steelyard promote RUN_DIR` chooses one")
    if not place.below(before).exists("run.json"):
        raise InputError(f"run {before}, which was current before {name}, is gone; promote another run")
    return _made(place.below(before), _checked(reason), ROLLBACK)


def _made(run: RunDir, reason: str, by: str) -> Promotion:
    place, run_id = run.parent(), run_name(run)
    saved_classifier(run)
    return promote(place, run_id, replaced_run(place, run_id), by=by, reason=reason)


def _checked(reason: str) -> str:
    if not reason.strip():
        raise InputError("--reason is empty: say why, for those who read the history")
    return reason.strip()

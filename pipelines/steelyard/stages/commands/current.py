"""Find the current run of a pipeline: the one that was promoted, else by the outcomes of all runs."""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.errors import InputError
from steelyard.store import RunDir, Store
from steelyard.store.promotions import history, predecessor, promoted, standing


def find_run(location: str) -> RunDir:
    """Return a run directory, or the current run of a pipeline's folder `STORE/<name>`; each by path or URI.

    The current run is the one that `current.json` names, which `steelyard promote`, `steelyard rollback` and the stage
    `promote` write. While that run is repeated, and once it has another model or its gate has failed, it is the run
    that it replaced, see `steelyard.store.promotions.standing`.

    Without that file, it is the one with the latest data among those whose gate has passed. The outcome of `gate`, one
    small write, makes a run current. A run that is executed again first loses that outcome, and the run before it is
    current until its gate has passed again. A backfill of earlier days changes nothing.
    """
    place = Store(location).here()
    if place.exists("run.json"):
        return place
    runs = _runs(place)
    if not runs:
        raise InputError(f"{location} is not a run directory and contains none: it has no run.json")
    found = current_run(place)
    if found is None:
        raise InputError(f"{location} has {_without_current(place, len(runs))}")
    return found


def _without_current(place: RunDir, runs: int) -> str:
    """Return why a pipeline has no current run, in words."""
    name = promoted(place)
    if name is None:
        return f"{runs} run{'s' if runs != 1 else ''}, but none whose gate has passed"
    return f"no current run: {_withdrawn(name)}, and the runs before it do not pass either. Promote another run"


def _withdrawn(name: str) -> str:
    return f"run {name} was promoted, but since then its gate has not passed, or its model has changed"


def promotion_notes(location: str, run: RunDir) -> list[str]:
    """Return a note if `find_run` has found another run than the one that was promoted last."""
    place = Store(location).here()
    name = None if place.location == run.location else promoted(place)
    return [] if name in (None, run_name(run)) else [f"{_withdrawn(str(name))}; run {run_name(run)} is current"]


def run_name(run: RunDir) -> str:
    """Return the id of a run by its directory."""
    return run.location.rstrip("/").rpartition("/")[2]


def current_run(place: RunDir, *, without: str | None = None) -> RunDir | None:
    """Return the current run in a pipeline's folder, None if there is none; `without` leaves out a run.

    Raises
    ------
    InputError
        If `current.json` is damaged, or names a run that is gone.
    """
    name = promoted(place)
    if name is None:
        return current(run for run in _runs(place) if run.location != place.below(without or "_").location)
    if not place.below(name).exists("run.json"):
        raise InputError(f"{place.location}/current.json names run {name}, which is gone; promote another run")
    name = standing(place)
    return None if name in (None, without) else place.below(str(name))


def replaced_run(place: RunDir, run_id: str) -> str | None:
    """Return the run that a run replaces when it is promoted by hand, None if there is none.

    Where `current.json` is damaged, it is the last run in the history; where it names a run that is gone, that run.

    Raises
    ------
    InputError
        If the run is current already.
    """
    try:
        named = promoted(place)
    except InputError:
        last = [made.run_id for made in history(place)][-1:]
        return predecessor(place, run_id) if last == [run_id] else next(iter(last), None)
    if named is not None and not place.below(named).exists("run.json"):
        return named
    if named == run_id and standing(place) == run_id:
        raise InputError(f"run {run_id} is current already")
    before = current_run(place, without=run_id)
    return (named if named != run_id else None) if before is None else run_name(before)


def _runs(place: RunDir) -> list[RunDir]:
    return [run for run in (place.below(name) for name in place.folders()) if run.exists("run.json")]


def current(runs: Iterable[RunDir]) -> RunDir | None:
    """Return the run of the latest data whose gate has passed, None if there is none.

    A run that might be this one, but whose `run.json` or outcome of `gate` cannot be trusted, is an error.
    """
    passed = [run for run in runs if (outcome := run.checked_outcome("gate")) is not None and outcome.done]
    return max(passed, key=date_and_id, default=None)


def date_and_id(run: RunDir) -> tuple[str, str]:
    """Return the sort key of runs: the day of the data (`${date}`, else the day of creation), then the run id."""
    manifest = run.manifest()
    try:
        day, run_id = manifest["variables"].get("date") or manifest["created"][:10], manifest["run_id"]
    except (LookupError, TypeError, AttributeError):
        day = run_id = None
    if not isinstance(day, str) or not isinstance(run_id, str):
        raise InputError(f"{run.location}/run.json has no data date or no run_id")
    return day, run_id

"""Find the current run of a pipeline: the one that was promoted, else by the outcomes of all runs."""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.errors import InputError
from steelyard.store import RunDir, Store
from steelyard.store.promotions import promoted


def find_run(location: str) -> RunDir:
    """Return a run directory, or the current run of a pipeline's folder `STORE/<name>`; each by path or URI.

    The current run is the one that `current.json` names, which `steelyard promote`, `steelyard rollback` and the stage
    `promote` write. Without that file, it is the one with the latest data among those whose gate has passed. The
    outcome of `gate`, one small write, makes a run current. A run that is executed again first loses that outcome, and
    the run before it is current until its gate has passed again. A backfill of earlier days changes nothing.
    """
    place = Store(location).here()
    if place.exists("run.json"):
        return place
    runs = _runs(place)
    if not runs:
        raise InputError(f"{location} is not a run directory and contains none: it has no run.json")
    found = current_run(place)
    if found is None:
        raise InputError(f"{location} has {len(runs)} runs, but none whose gate has passed")
    return found


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
    if name == without:
        return None
    if not place.below(name).exists("run.json"):
        raise InputError(f"{place.location}/current.json names run {name}, which is gone; promote another run")
    return place.below(name)


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

"""Which run's model is the current one: read off the outcomes, so that there is no second truth to go stale."""

from __future__ import annotations

from steelyard.errors import InputError
from steelyard.store import RunDir, Store


def find_run(location: str) -> RunDir:
    """Return a run directory, or of a pipeline's folder `STORE/<name>` the current run.

    The current run is the one with the latest data among those whose gate has passed. Its outcome of `gate` is the
    one small write that makes it so; a run that is executed anew loses that outcome first, and the run before it is
    current until its gate has passed again. A backfill of earlier days changes nothing.

    Parameters
    ----------
    location : str
        A path or URI.

    Raises
    ------
    InputError
        If there is no run, or none whose gate has passed.
    """
    place = Store(location).here()
    if place.exists("run.json"):
        return place
    runs = [run for run in (place.below(name) for name in place.folders()) if run.exists("run.json")]
    if not runs:
        raise InputError(f"{location} is no run directory and holds none: it has no run.json")
    for run in sorted(runs, key=_date_and_id, reverse=True):
        outcome = run.outcome("gate")
        if outcome is not None and outcome.done:
            return run
    raise InputError(f"{location} has {len(runs)} runs, but none whose gate has passed")


def _date_and_id(run: RunDir) -> tuple[str, str]:
    """Return the day of the data: what `${date}` was, or for a run without it the day that it was made."""
    manifest = run.manifest()
    return manifest["variables"].get("date") or manifest["created"][:10], manifest["run_id"]

"""Find the runs of a store that may be deleted: old, ended, unused and not referred to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from steelyard.errors import InputError, SteelyardError
from steelyard.stages._context import Context, no_session, run_config
from steelyard.stages._history import FOLDER, accepted, latest_accepted, run_of
from steelyard.stages._order import ALL_STAGES
from steelyard.stages._ownership import TORN, why_foreign
from steelyard.stages.commands.current import current, date_and_id, run_name
from steelyard.store import RunDir, Store
from steelyard.store.promotions import predecessor, promoted, standing

_CHANGED = "the outcome of its gate or report has changed"
_NO_RUN_ID = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class Judged:
    """A run, and the reason why it stays."""

    run: RunDir
    pipeline: str
    run_id: str
    ended: str | None  # ISO 8601; None if it has no end
    kept: str | None = None  # why it stays; None if it may go
    strange: bool = False  # whether it cannot be judged: a link, foreign or unreadable

    def because(self, reason: str | None) -> Judged:
        """Return the run as one that stays for a reason, if there is one; the first reason holds."""
        return self if self.kept else replace(self, kept=reason)


def judge(
    store: Store,
    *,
    keep: int | None = None,
    days: float | None = None,
    pipeline: str | None = None,
    unfinished: bool = False,
    at: datetime | None = None,
) -> list[Judged]:
    """Judge each run of a store, by pipeline, the latest data first; nothing is deleted.

    The `keep` ended runs of the latest data of each pipeline stay, in the order by which runs become current, and so do
    runs that ended within `days`; a run stays that either of them keeps. Only runs of `pipeline` may go. With
    `unfinished` runs without an end may go too: one in progress looks like one that was killed. `at` stands for now.

    In any case there stay: the run whose model `steelyard score` takes; the accepted run that the next one is compared
    with, and those that runs which stay were compared with; runs whose files the configuration of a run that stays
    names; runs whose `run.json` can't be read. Accepted profiles (`_accepted`) need no run and are left alone.
    """
    if keep is None and days is None:
        raise InputError("say which runs stay: --keep N, --days D, or both")
    if min(keep or 0, days or 0) < 0:
        raise InputError(f"what stays is a number from 0 on, not {min(keep or 0, days or 0)}")
    limit = None if days is None else (at or datetime.now(UTC)) - timedelta(days=days)
    top = store.here()
    found: list[Judged] = [_left_alone(top, name, "", "it is a link") for name in top.links()]
    for name in top.folders():
        try:
            found += _of_pipeline(top.below(name), name, keep, limit, unfinished, pipeline)
        except OSError as error:
            found.append(_left_alone(top, name, "", f"it can't be read: {error}"))
    if not any(pipeline in (None, judged.pipeline) for judged in found):
        raise InputError(f"{store.root} has no runs{f' of {pipeline}' if pipeline else ''}")
    found = _by_links(top, found)
    return [judged for judged in _by_configuration(found) if pipeline in (None, judged.pipeline)]


def _of_pipeline(
    place: RunDir, name: str, keep: int | None, limit: datetime | None, unfinished: bool, only: str | None
) -> list[Judged]:
    """Judge the runs in a pipeline's folder by all but links and configurations."""
    sound, strange = _found(place, name)
    runs = _by_policy(sound, keep, limit, unfinished)
    if only not in (None, name):
        runs = [judged.because(f"only runs of {only} may go") for judged in runs]
    return _by_use(place, runs) + strange


def _left_alone(place: RunDir, pipeline: str, run_id: str, why: str) -> Judged:
    return Judged(place.below(run_id or pipeline), pipeline, run_id, None, why, strange=True)


def remove(judged: Judged) -> bool:
    """Delete a run that may go; returns False if it has been taken up again since it was judged.

    What it has made goes first, its outcomes next, `run.json` last: a deletion that is cut short leaves a run that is
    judged and deleted again.
    """
    run = judged.run
    if why_foreign(run, judged.pipeline, judged.run_id) or not _ended_at(run, judged.ended):
        return False
    for name in run.names():
        if name not in ("stages", "run.json"):
            run.delete(name)
    run.delete("stages")
    run.delete("")
    return True


def _found(place: RunDir, pipeline: str) -> tuple[list[Judged], list[Judged]]:
    """Return the runs in a pipeline's folder, the latest data first, and what is strange there."""
    sound: list[tuple[tuple[str, str], Judged]] = []
    strange = [_left_alone(place, pipeline, name, "it is a link") for name in place.links()]
    for run_id in place.folders():
        run = place.below(run_id)
        if run_id.startswith("_") or not run.exists("run.json"):
            continue
        why = why_foreign(run, pipeline, run_id)
        try:
            when = date_and_id(run) if why is None else None
        except (OSError, InputError, ValueError):
            why = TORN
        try:
            if why is None and when is not None:
                sound.append((when, Judged(run, pipeline, run_id, _end(run))))
        except (OSError, InputError, ValueError):
            why = _CHANGED
        if why is not None:
            strange.append(_left_alone(place, pipeline, run_id, why))
    return [judged for _, judged in sorted(sound, key=lambda pair: pair[0], reverse=True)], strange


def _ended_at(run: RunDir, moment: str | None) -> bool:
    try:
        return _end(run) == moment
    except InputError:
        return False


def _end(run: RunDir) -> str | None:
    """Return when a run ended: with its gate, or with the report on a stage that failed. Refuse changed outcomes."""
    gate, report = run.checked_outcome("gate"), run.checked_outcome("report")
    if gate is None and (report is None or all(o is None or o.done for o in map(run.outcome, ALL_STAGES))):
        return None
    last = gate or report
    return None if last is None else _moment(last.finished).isoformat()


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _by_policy(runs: Sequence[Judged], keep: int | None, limit: datetime | None, unfinished: bool) -> list[Judged]:
    latest = [run for run in runs if run.ended][: keep or 0]

    def reason(run: Judged) -> str | None:
        if run.ended is None:
            return None if unfinished else "it has no end: in progress, or killed"
        if run in latest:
            return f"of the latest {keep}"
        return "ended lately" if limit is not None and _moment(run.ended) > limit else None

    return [run.because(reason(run)) for run in runs]


def _by_use(place: RunDir, runs: Sequence[Judged]) -> list[Judged]:
    """Keep the current run, and the runs with which others are or will be compared."""
    named = promoted(place)
    model = current(run.run for run in runs) if named is None else None
    live = standing(place) if model is None else run_name(model)
    before = None if named is None else predecessor(place, named)
    uses = (
        (live, "the current run, whose model scores"),
        (named, "promoted last"),
        (before, "rollback leads to it"),
    )
    for name, used in uses:
        runs = [run.because(used if run.run_id == name else None) for run in runs]
    against = {_reference_of(run): f"{run.run_id} was compared with it" for run in runs if run.kept}
    profiles = accepted(place.below(FOLDER))
    if profiles:
        against[run_of(max(profiles))] = "the next run is compared with it"
    return [run.because(against.get(run.run_id)) for run in runs]


def _reference_of(judged: Judged) -> str | None:
    """Return the id of the accepted run with which a run was compared; None if there is none, or it is unknown."""
    try:
        name = latest_accepted(Context(judged.run, run_config(judged.run), no_session))
    except (SteelyardError, ValueError, TypeError, LookupError, OSError):
        return None
    return None if name is None else run_of(name)


def _by_links(top: RunDir, runs: Sequence[Judged]) -> list[Judged]:
    """Keep the runs that links in the store point to, such as a user's `latest`."""
    places = [top, *(top.below(name) for name in top.folders())]
    links = {target: f"{place.location}/{name} leads to it" for place in places for name, target in _links(place)}
    return [run.because(links.get(_real(run.run))) for run in runs]


def _links(place: RunDir) -> Iterable[tuple[str, str]]:
    try:
        return place.links().items()
    except OSError:
        return ()


def _real(run: RunDir) -> str:
    return run.location if run.local is None else str(run.local.resolve())


def _by_configuration(runs: Sequence[Judged]) -> list[Judged]:
    """Keep runs whose folder is named in the configuration of a run that stays, and what these name in turn."""
    judged = {run.run.location: run for run in runs}
    waiting = [run for run in runs if run.kept]
    while waiting:
        user = waiting.pop()
        for named in _named(user, list(judged.values())):
            judged[named.run.location] = named.because(f"{user.pipeline}/{user.run_id} names it")
            waiting.append(judged[named.run.location])
    return list(judged.values())


def _named(user: Judged, runs: Sequence[Judged]) -> Iterator[Judged]:
    """Give the runs that may go so far and whose files a run's configuration names."""
    candidates = [run for run in runs if not run.kept]
    text = _configuration(user.run) if candidates else ""
    for run in candidates:
        parts = text.split(f"/{run.pipeline}/{run.run_id}")
        if any(_NO_RUN_ID.match(after) for after in parts[1:]):
            yield run


def _configuration(run: RunDir) -> str:
    try:
        return run.read_bytes("run.json").decode(errors="replace")
    except OSError:
        return ""

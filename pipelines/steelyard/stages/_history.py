"""The accepted profiles of a pipeline: class counts of runs that passed their gate, by the date of their data.

They are stored next to the runs, in `STORE/<name>/_accepted/<date>_<run_id>.json`. A run is compared with the latest
one of *earlier* data: a backfill with its own past, and a repeated run never with itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from steelyard.errors import InputError
from steelyard.stages._context import Context
from steelyard.store import RunDir, Store, signed, verified

FOLDER = "_accepted"
_FILE = re.compile(r"\d{8}T\d{6}_.+\.json")
STAMP = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Reference:
    """Rows by class with which a run is compared.

    Parameters
    ----------
    counts : mapping of str to int
    name : str
        Its name in messages.
    """

    counts: Mapping[str, int]
    name: str


def data_date(ctx: Context) -> datetime:
    """Return the date of a run's data, in UTC.

    It is the variable `date` of the run, else the latest time of the table's time column, else the creation time of the
    run.

    Raises
    ------
    InputError
        If the variable is not a date.
    """
    manifest = ctx.run.manifest()
    given = (manifest.get("variables") or {}).get("date")
    if given is not None:
        try:
            return _moment(given)
        except ValueError:
            raise InputError(
                f"the variable date is {given!r}, which is not a date such as 2026-01-31 or 2026-01-31T03:00:00Z"
            ) from None
    return _moment(_stats(ctx).get("latest_time") or manifest["created"])


def _stats(ctx: Context) -> dict[str, Any]:
    document: dict[str, Any] = ctx.read("profile", "stats.json")
    return document


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def accept(ctx: Context) -> str:
    """Store the class counts of a run that has passed its gate, and return the place."""
    date, run_id = data_date(ctx), ctx.run.manifest()["run_id"]
    classes = {c: of["count"] for c, of in _stats(ctx)["classes"].items()}
    history, name = ctx.run.sibling(FOLDER), f"{date:{STAMP}}_{run_id}.json"
    history.write_json(name, signed({"run_id": run_id, "date": date.isoformat(), "classes": classes}))
    return f"{history.location}/{name}"


def forget(run: RunDir) -> None:
    """Delete the accepted profile of a run that is executed again."""
    history, run_id = run.sibling(FOLDER), run.manifest().get("run_id")
    for name in accepted(history):
        if run_of(name) == run_id:
            history.delete(name)


def accepted(history: RunDir) -> list[str]:
    """Return the names of the accepted profiles, by date; other files are ignored."""
    return [name for name in history.files() if _FILE.fullmatch(name)]


def reference(ctx: Context) -> Reference | None:
    """Return the reference for labels: the configured file, else the latest accepted run of earlier data."""
    if ctx.config.guards.reference is not None:
        return _from_file(ctx.config.guards.reference)
    name = latest_accepted(ctx)
    if name is None:
        return None
    history = ctx.run.sibling(FOLDER)
    try:
        found = verified(history.read_json(name))
        return Reference(_counts(found["classes"]), f"run {found['run_id']} (data of {found['date'][:10]})")
    except (OSError, ValueError, TypeError, LookupError):
        raise InputError(f"{history.location}/{name} can't be read; delete it to use an earlier profile") from None


def latest_accepted(ctx: Context) -> str | None:
    """Return the file of the latest accepted run of earlier data, None if there is none."""
    limit = f"{data_date(ctx):{STAMP}}"
    return max((n for n in accepted(ctx.run.sibling(FOLDER)) if n.partition("_")[0] < limit), default=None)


def run_of(name: str) -> str:
    """Return the id of the run whose accepted profile a file is."""
    return name.partition("_")[2].removesuffix(".json")


def _from_file(path: str) -> Reference:
    """Read class counts: those of an accepted run, of a `stats.json`, or a bare mapping of class to rows."""
    folder, _, name = path.rpartition("/")
    wrong = f"guards.reference {path} must be JSON with the rows of each class"
    try:
        document = verified(Store(folder or ".").here().read_json(name))
    except (OSError, ValueError) as error:
        raise InputError(f"{wrong}; it can't be read: {error}") from None
    classes = document.get("classes", document) if isinstance(document, dict) else None
    if not isinstance(classes, dict) or not classes:
        raise InputError(f'{wrong}, such as {{"0": 990, "1": 10}}')
    counts: dict[str, Any] = {c: of.get("count") if isinstance(of, dict) else of for c, of in classes.items()}
    try:
        return Reference(_counts(counts), name)
    except ValueError as error:
        raise InputError(f"{wrong}; {error}") from None


def _counts(classes: Mapping[str, Any]) -> dict[str, int]:
    """Return rows by class.

    Raises
    ------
    ValueError
        For a value that is not a count.
    """
    for name, rows in classes.items():
        if not isinstance(rows, int) or rows < 0:
            raise ValueError(f"for class {name!r} it has {rows!r}")
    return dict(classes)

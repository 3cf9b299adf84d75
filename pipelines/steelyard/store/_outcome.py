"""The outcome of a stage, as it is written."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_OF_0_1_0 = {"format": 0, "version": "0.1.0"}  # which wrote neither


@dataclass(frozen=True)
class Outcome:
    """How a stage ended. Writing it publishes the stage.

    Parameters
    ----------
    stage : str
    status : {"done", "failed"}
    attempt : str
        Names the folder of the stage's artifacts.
    started, finished : str
        ISO 8601, UTC.
    fingerprint : str
        Of the part of the configuration that the stage depends on.
    kind : {"guard", "input", "engine"}, optional
        Of a failure: who has to act.
    message : str, optional
        Of a failure, in words for people.
    rows : dict
        Rows in and out for each class, where the stage has them.
    files : list of dict
        The published files, of a guard also where it failed: `path`, `size`, and `sha256` of the content; of Parquet
        files, which Spark reads, `footer_sha256` instead.
    details : dict
        A small summary, for the report and for schedulers.
    format : int
        Version of the stage's output, see `steelyard.config.Stage`.
    version : str
        The steelyard that executed the stage.
    """

    stage: str
    status: str
    attempt: str
    started: str
    finished: str
    fingerprint: str = ""
    kind: str | None = None
    message: str | None = None
    rows: dict[str, Any] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    format: int = 1
    version: str = ""

    @property
    def done(self) -> bool:
        """Whether the stage ended well."""
        return self.status == "done"


_TEXTS = ("stage", "status", "attempt", "started", "finished", "fingerprint", "version")


def outcome_from(document: Any) -> Outcome | None:
    """Return the outcome that a document holds, or None if it holds none."""
    try:
        found = Outcome(**{**_OF_0_1_0, **document})
    except TypeError:
        return None
    return found if _is_sound(found) else None


def _is_sound(found: Outcome) -> bool:
    return (
        all(isinstance(getattr(found, name), str) for name in _TEXTS)
        and all(isinstance(value, str | None) for value in (found.kind, found.message))
        and isinstance(found.format, int)
        and isinstance(found.rows, dict)
        and isinstance(found.details, dict)
        and isinstance(found.files, list)
        and all(isinstance(f, dict) and {"path", "size"} <= f.keys() for f in found.files)
    )


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_token() -> str:
    """Return a name that sorts by time and that no other process makes: `YYYYMMDDTHHMMSSZ-xxxx`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"

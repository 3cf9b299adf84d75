"""The run id and the data date that a DAG run sets for its tasks."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Protocol

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 100
RUN_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""What `store.RUN_ID` says, without the store's libraries."""


class DagRun(Protocol):
    """The attributes that are read of Airflow's DAG run."""

    run_id: str
    data_interval_start: datetime | None
    run_after: datetime


def run_id(dag_run: DagRun) -> str:
    """Return the run id of a DAG run: the same for all its tasks and their retries, and whenever its day is run again.

    Parameters
    ----------
    dag_run : airflow.sdk.DagRun

    Returns
    -------
    str
        The start of the data interval as `YYYYMMDDTHHMMSS` in UTC, with microseconds only where there are some: a
        backfill rewrites the directory of the day that it is about. A DAG run without an interval (by an asset, or by
        the API) gives its own id, with what a path must not hold replaced (a `:` breaks globbed reads) and six digits
        of its hash.
    """
    if dag_run.data_interval_start is not None:
        at = dag_run.data_interval_start.astimezone(UTC)
        return f"{at:%Y%m%dT%H%M%S}" + (f".{at.microsecond:06}" if at.microsecond else "")
    digits = hashlib.sha256(dag_run.run_id.encode()).hexdigest()[:6]
    # Run ids begin with a letter or a digit.
    safe = _UNSAFE.sub("-", dag_run.run_id).strip("._-") or "run"
    return f"{safe[: _LONGEST - 7]}-{digits}"


def data_date(dag_run: DagRun) -> str:
    """Return the data date of a DAG run, `YYYY-MM-DD` in UTC: the value of `${date}` in its pipeline.

    It is the start of the data interval, or for a DAG run without one the time that it was due.
    """
    return f"{(dag_run.data_interval_start or dag_run.run_after).astimezone(UTC):%Y-%m-%d}"

"""When a DAG runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from airflow.sdk import CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowTimetableInvalid

from steelyard.errors import ConfigError


def timetable(schedule: str | None) -> CronDataIntervalTimetable | None:
    """Return the schedule with real data intervals; Airflow's own for a cron expression has empty ones."""
    return None if schedule is None else CronDataIntervalTimetable(schedule, timezone="UTC")


def check_schedule(schedule: str | None, where: str) -> None:
    """Raise `ConfigError` for an invalid schedule, with its place in the YAML."""
    table = timetable(schedule)
    if table is None:
        return
    try:
        table.validate()
    except AirflowTimetableInvalid as error:
        raise ConfigError(
            f"{where}: {schedule!r} is neither a cron expression nor one of @hourly, @daily, @weekly, @monthly, "
            f"@yearly: {error}"
        ) from None


def start(day: date | datetime) -> datetime:
    """Return the start of a DAG's first interval; without a time zone, in UTC."""
    moment = day if isinstance(day, datetime) else datetime.combine(day, time.min)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""Run ids of DAG runs: deterministic, safe as folder names, one for each DAG run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from steelyard.airflow import data_date, run_id
from steelyard.store import RUN_ID

DUE = datetime(2026, 3, 2, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    run_id: str = "scheduled__x"
    data_interval_start: datetime | None = None
    run_after: datetime = DUE


def test_the_start_of_the_interval_names_the_run_and_its_date() -> None:
    assert run_id(Run(data_interval_start=DUE)) == "20260302T030000"
    assert data_date(Run(data_interval_start=DUE - timedelta(days=1))) == "2026-03-01"


def test_whatever_runs_for_one_interval_has_one_run_id() -> None:
    runs = [Run(f"{kind}__{n}", DUE) for n, kind in enumerate(("scheduled", "backfill", "manual"))]
    assert {run_id(r) for r in runs} == {"20260302T030000"}


def test_the_time_zone_makes_no_other_run() -> None:
    berlin = timezone(timedelta(hours=1))
    assert run_id(Run(data_interval_start=DUE.astimezone(berlin))) == "20260302T030000"
    midnight = datetime(2026, 3, 2, 0, 30, tzinfo=berlin)
    assert data_date(Run(data_interval_start=midnight)) == "2026-03-01"


def test_two_runs_within_a_second_do_not_meet() -> None:
    first, second = (run_id(Run(data_interval_start=DUE.replace(microsecond=m))) for m in (1, 2))
    assert (first, second) == ("20260302T030000.000001", "20260302T030000.000002")


def test_without_an_interval_the_dag_run_names_the_run_and_its_due_time_the_date() -> None:
    triggered = Run(run_id="asset_triggered__2026-03-02T03:00:00.5+00:00_aB")
    made = run_id(triggered)
    assert made.startswith("asset_triggered__2026-03-02T03-00-00.5-00-00_aB-") and len(made.rsplit("-", 1)[1]) == 6
    assert data_date(triggered) == "2026-03-02"


@given(st.text(min_size=1, max_size=250), st.text(min_size=1, max_size=250))
def test_any_dag_run_id_gives_a_run_id_of_its_own(one: str, other: str) -> None:
    first, second = (run_id(replace(Run(), run_id=text)) for text in (one, other))
    assert RUN_ID.fullmatch(first)
    assert ":" not in first
    assert (first == second) is (one == other)
    assert run_id(Run(run_id=one)) == first

"""Tasks of several stages for real: a guard stops the group in the middle, and a task is killed in a whole run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from days import unpause, write_small
from running import Scheduler, kill_the_task
from standalone import wait_for

from steelyard.config import ALL_STAGES as STAGES  # the pipelines have all sections
from steelyard.store import RunDir, open_run

pytestmark = [pytest.mark.airflow_run, pytest.mark.timeout(900)]

RUN = "by_hand"


def start(scheduler: Scheduler, dag: str) -> None:
    unpause(scheduler, dag)
    scheduler.call(f"dags/{dag}/dagRuns", {"dag_run_id": RUN, "logical_date": None})


def ended(scheduler: Scheduler, dag: str) -> str:
    """Wait for the end of the DAG run, and return its state."""

    def state() -> str | None:
        found = scheduler.call(f"dags/{dag}/dagRuns/{RUN}")["state"]
        return found if found in ("success", "failed") else None

    return str(scheduler.wait_for(state, 400, f"the end of {dag}"))


def run_of(place: Path, dag: str) -> RunDir:
    [folder] = (place / "runs" / dag).glob("[!_]*/")
    return open_run(str(folder))


def attempts(run: RunDir) -> dict[str, tuple[str, str]]:
    return {s: (o.status, o.attempt) for s in STAGES if (o := run.outcome(s)) is not None}


def xcom(scheduler: Scheduler, dag: str, task: str) -> dict[str, Any]:
    value = scheduler.call(f"dags/{dag}/dagRuns/{RUN}/taskInstances/{task}/xcomEntries/return_value")["value"]
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def emitted(scheduler: Scheduler, dag: str) -> list[dict[str, Any]]:
    found = scheduler.call("assets/events?limit=100")["asset_events"]
    return [e["extra"] for e in found if e["source_dag_id"] == dag]


@pytest.fixture(scope="module")
def begun(running: Scheduler, place: Path) -> Scheduler:
    """Both DAGs at work, the driver of the whole run killed once it trains."""
    for dag in ("group", "run", "lost"):
        start(running, dag)
    at = wait_for(lambda: list((place / "runs" / "run").glob("*/stages/guard_resampled.json")), 300, "half a run")
    kill_the_task("job_profile.py", at[0].parents[1].name, at_work=0)
    (place / "before.json").write_text(json.dumps(attempts(run_of(place, "run"))))
    return running


def test_a_guard_in_the_middle_ends_its_group_and_the_verdict_reports_it(begun: Scheduler, place: Path) -> None:
    assert ended(begun, "group") == "failed"
    assert begun.states("group", RUN) == {"data": ("success", 1), "model": ("failed", 1), "verdict": ("failed", 1)}
    run = run_of(place, "group")
    failed = run.outcome("guard_resampled")
    assert failed is not None and failed.kind == "guard"
    assert set(attempts(run)) == {*STAGES[: STAGES.index("train")], "report"} and run.exists("report.html")

    run_id = run.location.rpartition("/")[2]
    at = f"https://reports.example/runs/group/{run_id}"
    heard = heard_of(place, "group")
    assert len(heard) == 1, "the verdict has nothing new to tell"
    assert heard[0].startswith(f"group, run {run_id}, stage guard_resampled: ") and "expect_minority_share" in heard[0]
    assert heard[0].endswith(f"report: {at}/report.html")
    links = begun.call(f"dags/group/dagRuns/{RUN}/taskInstances/model/links")["extra_links"]
    docs = f"{at}/guards/{failed.attempt}/docs/index.html"
    assert links == {"Report": f"{at}/report.html", "Data Docs of guard_resampled": docs}
    log = begun.call(f"dags/group/dagRuns/{RUN}/taskInstances/verdict/logs/1?full_content=true")["content"]
    assert "task model has failed: stage guard_resampled: guard 'resampled' failed" in json.dumps(log)
    assert emitted(begun, "group") == []


def heard_of(place: Path, dag: str) -> list[str]:
    return [m for m in (place / "heard.txt").read_text().split("\n\n") if m.startswith(f"{dag}, run")]


def test_a_failure_before_the_first_job_is_told_once(begun: Scheduler, place: Path) -> None:
    assert ended(begun, "lost") == "failed"
    states = begun.states("lost", RUN)
    assert states == {"data": ("failed", 1), "model": ("upstream_failed", 0), "verdict": ("failed", 1)}
    [message] = heard_of(place, "lost")
    assert ", stage profile: there is no connection 'nowhere'" in message


def test_the_cleared_group_goes_on_at_the_stage_that_failed(begun: Scheduler, place: Path) -> None:
    ended(begun, "group")
    run = run_of(place, "group")
    before = attempts(run)
    write_small(place, "group", "resampled.json")
    body = {"dry_run": False, "only_failed": True, "dag_run_id": RUN, "task_ids": ["model", "verdict"]}
    begun.call("dags/group/clearTaskInstances", {**body, "reset_dag_runs": True})
    assert ended(begun, "group") == "success"
    assert begun.states("group", RUN) == {"data": ("success", 1), "model": ("success", 2), "verdict": ("success", 2)}
    after = attempts(run)
    assert {s for s in after if after[s] == before.get(s)} == set(STAGES[: STAGES.index("guard_resampled")])
    assert set(after) == set(STAGES) and {status for status, _ in after.values()} == {"done"}
    assert emitted(begun, "group") == [{"run_dir": run.location, "run_id": run.location.rpartition("/")[2]}]
    promoted = run.outcome("promote")
    assert promoted is not None and "no current run to compare with" in promoted.details["reason"]
    report = run.read_bytes("report.html").decode()
    assert all(title in report for title in ("Compared recipes", "Why, and where it errs", "no fold models"))
    assert list(xcom(begun, "group", "data")) == list(STAGES[:4])
    gate = xcom(begun, "group", "verdict")["gate"]
    assert (gate["stage"], gate["status"], gate["minority"]["class"]) == ("gate", "done", "1")


def test_a_killed_run_goes_on_at_the_first_stage_that_is_not_whole(begun: Scheduler, place: Path) -> None:
    assert ended(begun, "run") == "success"
    assert begun.states("run", RUN) == {"run": ("success", 2)}
    run = run_of(place, "run")
    before, after = json.loads((place / "before.json").read_text()), attempts(run)
    kept = {s for s in after if list(after[s]) == before.get(s)}
    assert kept == set(before) >= set(STAGES[: STAGES.index("train")])
    assert set(after) == set(STAGES) and len(kept) < len(STAGES)
    assert list(xcom(begun, "run", "run")) == list(STAGES) and len(emitted(begun, "run")) == 1

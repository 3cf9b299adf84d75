"""Whole DAGs for real: Airflow's scheduler runs them on a Spark standalone cluster, a table for each of three days."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from days import DAYS, IDS, STARTS, dags, unpause, write_new
from running import Scheduler, kill_the_task

from steelyard.config import ALL_STAGES as STAGES  # the pipeline has all sections
from steelyard.stages.commands.promotion import promote_run

pytestmark = [pytest.mark.airflow_run, pytest.mark.timeout(1500)]


def test_broken_pipelines_stop_no_other_pipeline_and_are_listed(running: Scheduler, place: Path) -> None:
    assert dags(running) == {"wilt", "wilt.score", "group", "run", "lost"}
    errors = running.wait_for(lambda: running.call("importErrors")["import_errors"], 60, "an import error")
    assert [Path(e["filename"]).name for e in errors] == ["dag_broken_pipelines.py"]
    said = errors[0]["stack_trace"]
    assert f"{place}/pipelines/torn.yaml\nsplit.test: " in said
    assert f"{place}/pipelines/worn.yaml\ndata.label: is missing" in said


@pytest.fixture(scope="module")
def backfilled(running: Scheduler) -> list[dict[str, Any]]:
    """A backfill of the three days, two at a time; the task `split` of the first is killed."""
    body = {
        "dag_id": "wilt",
        "from_date": STARTS[0].isoformat(),
        "to_date": STARTS[2].isoformat(),
        "max_active_runs": 2,
    }
    running.call("backfills", body)
    unpause(running, "wilt.score")
    unpause(running, "wilt")
    assert len(kill_the_task("job_split.py", IDS[0])) == 3

    def ended() -> list[dict[str, Any]]:
        runs = running.runs("wilt")
        return runs if len(runs) == 3 and all(r["state"] in ("success", "failed") for r in runs) else []

    found: list[dict[str, Any]] = running.wait_for(ended, 900, "the end of the backfill")
    return found


def outcome(place: Path, day: int, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "runs" / "wilt" / IDS[day] / "stages" / f"{stage}.json").read_text())
    return found


def test_a_backfill_gives_each_day_its_own_run_of_its_own_data(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    assert [r["run_type"] for r in backfilled] == ["backfill"] * 3
    assert [r["state"] for r in backfilled] == ["success", "failed", "failed"]
    assert sorted(p.name for p in (place / "runs" / "wilt").glob("[!_c]*/")) == IDS
    for day, run_id in zip(DAYS, IDS, strict=True):
        run = place / "runs" / "wilt" / run_id
        assert json.loads((run / "run.json").read_text())["variables"] == {"date": day}
        assert (run / "report.html").stat().st_size > 1000
    for i in (0, 1):
        counts = pd.read_parquet(place / "in" / f"{DAYS[i]}.parquet")["Class"].astype(str).value_counts().to_dict()
        assert outcome(place, i, "profile")["rows"]["out"] == counts
    states = running.states("wilt", backfilled[0]["dag_run_id"])
    assert {t: s for t, (s, _) in states.items()} == dict.fromkeys(STAGES, "success")


def test_a_killed_task_is_tried_again(running: Scheduler, backfilled: list[dict[str, Any]]) -> None:
    states = running.states("wilt", backfilled[0]["dag_run_id"])
    assert states["split"] == ("success", 2)
    assert {tries for stage, (_, tries) in states.items() if stage != "split"} == {1}


def ends_red(states: dict[str, tuple[str, int]], stage: str) -> None:
    """The stage has failed at its first try, what follows was not run, but for the report."""
    place, report = STAGES.index(stage), STAGES.index("report")
    assert {states[s] for s in (*STAGES[:place], "report")} == {("success", 1)}
    assert states[stage] == ("failed", 1)
    assert {states[s][0] for s in (*STAGES[place + 1 : report], "gate", "promote")} == {"upstream_failed"}


def test_a_failed_guard_ends_red_without_a_retry_and_is_reported(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    dag_run = backfilled[1]["dag_run_id"]
    ends_red(running.states("wilt", dag_run), "guard_raw")
    failed = outcome(place, 1, "guard_raw")
    assert failed["kind"] == "guard" and "expect_minority_share" in failed["message"]

    at = f"https://reports.example/runs/wilt/{IDS[1]}"
    docs = f"{at}/guards/{failed['attempt']}/docs/index.html"
    words = failed["message"].replace(f"file://{place}/runs/wilt/{IDS[1]}", at)
    assert docs in words
    told = f"wilt, run {IDS[1]}, stage guard_raw: {words}\nreport: {at}/report.html\n\n"
    assert told in (place / "heard.txt").read_text()
    links = running.call(f"dags/wilt/dagRuns/{dag_run}/taskInstances/guard_raw/links")["extra_links"]
    assert links == {"Report": f"{at}/report.html", "Data Docs": docs}


def test_wrong_input_ends_red_without_a_retry_and_is_told(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    ends_red(running.states("wilt", backfilled[2]["dag_run_id"]), "profile")
    failed = outcome(place, 2, "profile")
    assert failed["kind"] == "input"
    assert failed["message"].startswith("data.label 'Class' is not in the table. Did you mean 'Clas'?")
    heard = (place / "heard.txt").read_text()
    assert f"wilt, run {IDS[2]}, stage profile: {failed['message']}\nreport: " in heard
    assert heard.count("wilt, run") == 2


def test_summaries_are_in_xcom(running: Scheduler, backfilled: list[dict[str, Any]], place: Path) -> None:
    of = f"dags/wilt/dagRuns/{backfilled[0]['dag_run_id']}/taskInstances"
    value = running.call(f"{of}/gate/xcomEntries/return_value")["value"]
    value = json.loads(value) if isinstance(value, str) else value
    run = place / "runs" / "wilt" / IDS[0]
    assert value["run_dir"] == str(run)
    test = json.loads((run / "metrics.json").read_text())["splits"]["test"]
    assert value["minority"]["class"] == "2"
    assert value["minority"]["pr_auc"] == test["per_class"]["2"]["pr_auc"]


def emitted(running: Scheduler) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.call("assets/events?limit=100")["asset_events"]
    return sorted(found, key=lambda e: e["timestamp"])


def all_scored(running: Scheduler) -> None:
    """Wait until each event of the asset so far has made a run of the scoring DAG, and it has ended."""

    def ended() -> bool:
        made = [e["created_dagruns"] for e in emitted(running)]
        return made != [] and all(made) and all(r["state"] in ("success", "failed") for runs in made for r in runs)

    running.wait_for(ended, 240, "the scores")


def test_the_last_task_alone_emits_the_asset_of_a_run_that_is_current(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    all_scored(running)  # Airflow's API has no word for an event whose run is still queued: 500
    events = emitted(running)
    assert {e["source_task_id"] for e in events} == {"promote"}
    assert {e["name"] for e in events} == {f"file://{place}/runs/wilt"}
    made = {e["source_run_id"]: e["extra"] for e in events}
    run = place / "runs" / "wilt" / IDS[0]
    assert made == {backfilled[0]["dag_run_id"]: {"run_dir": str(run), "run_id": IDS[0]}}
    assert json.loads((place / "runs" / "wilt" / "current.json").read_text())["run_id"] == IDS[0]


def content(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*") if p.is_file()}


def scores(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "scored" / "_scores.json").read_text())
    return found


def test_a_cleared_task_compares_with_the_champion_and_rewrites_no_other_run(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    """The champion is a copy of the first day's run, promoted by hand."""
    all_scored(running)
    copied = Path(shutil.copytree(place / "runs" / "wilt" / IDS[0], place / "runs" / "wilt" / "copy"))
    promote_run(str(copied), "a champion to compare with")
    before = {run_id: content(place / "runs" / "wilt" / run_id) for run_id in IDS}
    body = {
        "dry_run": False,
        "only_failed": False,
        "dag_run_id": backfilled[0]["dag_run_id"],
        "task_ids": ["promote"],
        "reset_dag_runs": True,
    }
    count = len(emitted(running))
    write_new(place, pd.read_parquet(place / "in" / f"{DAYS[0]}.parquet"), 3.0)
    running.call("dags/wilt/clearTaskInstances", body)
    running.wait_for(lambda: len(emitted(running)) > count, 240, "the promotion anew")
    after = {run_id: content(place / "runs" / "wilt" / run_id) for run_id in IDS}
    assert (after[IDS[1]], after[IDS[2]]) == (before[IDS[1]], before[IDS[2]])
    run, promoted = place / "runs" / "wilt" / IDS[0], outcome(place, 0, "promote")
    changed = {p for p in after[IDS[0]] if after[IDS[0]][p] != before[IDS[0]].get(p)}
    assert {Path(p).relative_to(run).parts[:2] for p in changed} == {
        ("stages", "promote.json"),
        ("promote", promoted["attempt"]),
    }
    compared = promoted["details"]
    assert (compared["champion"], compared["promoted"], compared["metric"]) == ("copy", True, "pr_auc")
    assert compared["gain"] == {"value": 0.0, "ci95": [0.0, 0.0]} and compared["support"]["2"] >= 30
    assert json.loads((place / "runs" / "wilt" / "current.json").read_text())["run_id"] == IDS[0]
    drifted(running, place)


def drifted(running: Scheduler, place: Path) -> None:
    """Rows that have drifted are scored, and the task `monitor` fails once, with the words of its alerts."""
    all_scored(running)
    last = running.runs("wilt.score")[-1]
    assert last["state"] == "failed"
    assert running.states("wilt.score", last["dag_run_id"]) == {"score": ("success", 1), "monitor": ("failed", 1)}
    found = json.loads((place / "scored" / "_monitor" / "monitor.json").read_text())
    [words] = [m for m in (place / "heard.txt").read_text().split("\n\n") if ", task monitor: " in m]
    assert words.endswith("; ".join(alert["message"] for alert in found["alerts"])) and "Mean_NIR" in words
    assert found["status"] == "alert" and len(pd.read_parquet(place / "scored")) == 100


def test_new_rows_are_scored_after_each_passed_gate_with_the_current_model(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    """The current run is the first day's: later days have no passed gate."""
    all_scored(running)
    first = running.runs("wilt.score")[0]
    assert running.states("wilt.score", first["dag_run_id"]) == dict.fromkeys(("score", "monitor"), ("success", 1))
    of = f"dags/wilt.score/dagRuns/{first['dag_run_id']}/taskInstances/monitor"
    value = running.call(f"{of}/xcomEntries/return_value")["value"]
    value = json.loads(value) if isinstance(value, str) else value
    assert (value["status"], value["rows"], value["alerts"]) == ("done", 100, [])
    assert {r["run_type"] for r in running.runs("wilt.score")} == {"asset_triggered"}
    said = scores(place)
    assert (said["status"], said["rows"]) == ("done", 100)
    assert said["run_dir"] == str(place / "runs" / "wilt" / IDS[0])
    written = pd.read_parquet(place / "scored")
    assert len(written) == 100 and written["score"].between(0, 1).all()
    assert "Class" not in written.columns and set(written["decision"]) <= {"1", "2"}

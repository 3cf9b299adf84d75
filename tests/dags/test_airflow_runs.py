"""Whole DAGs for real: Airflow's scheduler runs them on a Spark standalone cluster, a table for each of three days."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from running import Scheduler, airflow
from standalone import spark_cluster, wait_for

from steelyard.config import STAGES

pytestmark = [pytest.mark.airflow_run, pytest.mark.timeout(1500)]

NOW = datetime.now(UTC)
# Half a day from now, so that no new interval begins while the test runs.
HOUR = (NOW.hour + 12) % 24
LAST = NOW.replace(hour=HOUR, minute=0, second=0, microsecond=0)
LAST -= timedelta(days=1) if LAST > NOW else timedelta(0)
STARTS = [LAST - timedelta(days=back) for back in (3, 2, 1)]
DAYS = [f"{start:%Y-%m-%d}" for start in STARTS]
IDS = [f"{start:%Y%m%dT%H%M%S}" for start in STARTS]

PIPELINE = f"""# Diseased trees from the air.
version: 1
name: wilt
data: {{path: '../in/${{date}}.parquet', label: Class, positive: 2}}
split: {{validation: 0.2, test: 0.2, seed: 7}}
train: {{model: logistic_regression}}
gate: {{roc_auc: {{min: 0.7}}}}
guards: {{parameters: {{minority_share_min: 0.03}}}}
airflow: {{schedule: '0 {HOUR} * * *', retries: 1, on_failure: heard.tell}}
score: {{path: ../in/new.parquet, out: ../scored}}
"""
HOOK = """
from pathlib import Path

def tell(message, context):
    with Path(__file__).with_suffix(".txt").open("a") as file:
        file.write(message + "\\n\\n")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, real_data: Callable[[str], str]) -> Path:
    """A folder with pipelines and a table for each day: sound, with too few positives, and without its label."""
    folder = tmp_path_factory.mktemp("operations")
    (folder / "in").mkdir()
    table = pd.read_parquet(real_data("wilt"))
    sound, poor, blind = (table.iloc[i::3] for i in range(3))
    tables = [sound, poor.drop(poor[poor["Class"] == 2].index[3:]), blind.rename(columns={"Class": "Clas"})]
    for day, rows in zip(DAYS, tables, strict=True):
        rows.to_parquet(folder / "in" / f"{day}.parquet", index=False)
    table.iloc[:100].drop(columns="Class").to_parquet(folder / "in" / "new.parquet", index=False)
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "wilt.yaml").write_text(PIPELINE)
    (folder / "pipelines" / "torn.yaml").write_text(
        "version: 1\nname: torn\ndata: {path: /t, label: y}\nsplit: {test: 2}\n"
    )
    (folder / "pipelines" / "worn.yaml").write_text("version: 1\nname: worn\ndata: {path: /t, lable: y}\n")
    (folder / "heard.py").write_text(HOOK)
    return folder


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[Scheduler]:
    """Airflow on the pipelines, all DAGs still paused."""
    settings = {"PIPELINES": place / "pipelines", "STORE": place / "runs", "STORE_URL": "https://reports.example/runs"}
    settings |= {"ALLOWED_MODULES": "heard"}
    own = {f"STEELYARD_{name}": str(value) for name, value in settings.items()}
    with spark_cluster(place / "spark", [4]) as cluster:
        own["AIRFLOW_CONN_SPARK_DEFAULT"] = json.dumps(
            {"conn_type": "spark", "host": "spark://127.0.0.1", "port": cluster.port}
        )
        paths = os.pathsep.join(p for p in (str(place), cluster.env.get("PYTHONPATH")) if p)
        with airflow(place / "airflow", {**cluster.env, **own, "PYTHONPATH": paths}) as scheduler:
            wait_for(lambda: len(dags(scheduler)) == 2, 120, "two DAGs", place / "airflow" / "standalone.log")
            yield scheduler


def dags(scheduler: Scheduler) -> set[str]:
    return {d["dag_id"] for d in scheduler.call("dags")["dags"]}


def unpause(scheduler: Scheduler, dag: str) -> None:
    scheduler.call(f"dags/{dag}", {"is_paused": False}, "PATCH")


def test_broken_pipelines_stop_no_other_pipeline_and_are_listed(running: Scheduler, place: Path) -> None:
    assert dags(running) == {"wilt", "wilt.score"}
    errors = wait_for(lambda: running.call("importErrors")["import_errors"], 60, "an import error")
    assert [Path(e["filename"]).name for e in errors] == ["dag_broken_pipelines.py"]
    said = errors[0]["stack_trace"]
    assert f"{place}/pipelines/torn.yaml\nsplit.test: " in said
    assert f"{place}/pipelines/worn.yaml\ndata.label: is missing" in said


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def driver_of(job: str, run_id: str) -> int | None:
    """Return the Python process that spark-submit has started for a stage of a run."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if (
            any(w.endswith(job) for w in words)
            and run_id in words
            and "org.apache.spark.deploy.SparkSubmit" not in words
        ):
            return int(entry.name)
    return None


def kill_the_task(job: str, run_id: str) -> list[int]:
    """Kill a task as a machine that fails does: the task, spark-submit and the driver at once."""
    driver = wait_for(lambda: driver_of(job, run_id), 240, f"a driver of {job}")
    time.sleep(2)  # so that it is at work
    submit = parent(driver)
    found = [parent(submit), submit, driver]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return found


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

    found: list[dict[str, Any]] = wait_for(ended, 900, "the end of the backfill", running.home / "standalone.log")
    return found


def outcome(place: Path, day: int, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "runs" / "wilt" / IDS[day] / "stages" / f"{stage}.json").read_text())
    return found


def test_a_backfill_gives_each_day_its_own_run_of_its_own_data(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    assert [r["run_type"] for r in backfilled] == ["backfill"] * 3
    assert [r["state"] for r in backfilled] == ["success", "failed", "failed"]
    assert sorted(p.name for p in (place / "runs" / "wilt").glob("[!_]*")) == IDS
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
    assert {states[s][0] for s in (*STAGES[place + 1 : report], "gate")} == {"upstream_failed"}


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
    assert heard.count("stage ") == 2


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

    wait_for(ended, 240, "the scores", running.home / "standalone.log")


def test_the_gate_alone_emits_the_asset_and_only_once_passed(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    all_scored(running)  # Airflow's API has no word for an event whose run is still queued: 500
    events = emitted(running)
    assert {e["source_task_id"] for e in events} == {"gate"}
    assert {e["name"] for e in events} == {f"file://{place}/runs/wilt"}
    made = {e["source_run_id"]: e["extra"] for e in events}
    run = place / "runs" / "wilt" / IDS[0]
    assert made == {backfilled[0]["dag_run_id"]: {"run_dir": str(run), "run_id": IDS[0]}}


def content(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*") if p.is_file()}


def scores(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / "scored" / "_scores.json").read_text())
    return found


def test_clearing_a_task_rewrites_its_own_run_and_no_other(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    all_scored(running)
    before = {run_id: content(place / "runs" / "wilt" / run_id) for run_id in IDS}
    body = {
        "dry_run": False,
        "only_failed": False,
        "dag_run_id": backfilled[0]["dag_run_id"],
        "task_ids": ["gate"],
        "reset_dag_runs": True,
    }
    count = len(emitted(running))
    running.call("dags/wilt/clearTaskInstances", body)
    wait_for(lambda: len(emitted(running)) > count, 240, "the gate anew", running.home / "standalone.log")
    after = {run_id: content(place / "runs" / "wilt" / run_id) for run_id in IDS}
    assert (after[IDS[1]], after[IDS[2]]) == (before[IDS[1]], before[IDS[2]])
    gate = str(place / "runs" / "wilt" / IDS[0] / "stages" / "gate.json")
    assert {p for p in after[IDS[0]] if after[IDS[0]][p] != before[IDS[0]].get(p)} == {gate}
    assert set(after[IDS[0]]) == set(before[IDS[0]])


def test_new_rows_are_scored_after_each_passed_gate_with_the_current_model(
    running: Scheduler, backfilled: list[dict[str, Any]], place: Path
) -> None:
    """The current run is the first day's: later days have no passed gate."""
    all_scored(running)
    assert {r["state"] for r in running.runs("wilt.score")} == {"success"}
    assert {r["run_type"] for r in running.runs("wilt.score")} == {"asset_triggered"}
    said = scores(place)
    assert (said["status"], said["rows"]) == ("done", 100)
    assert said["run_dir"] == str(place / "runs" / "wilt" / IDS[0])
    written = pd.read_parquet(place / "scored")
    assert len(written) == 100 and written["score"].between(0, 1).all()
    assert "Class" not in written.columns and set(written["decision"]) <= {"1", "2"}

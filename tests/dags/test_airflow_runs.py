"""DAGs run for real by `airflow dags test`, on a local Spark, from an environment that nobody has activated."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from steelyard.config import STAGES

pytestmark = [pytest.mark.airflow_run, pytest.mark.timeout(1500)]


def rows(airflow: Any, query: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        return database.execute(query, values).fetchall()


def task_states(airflow: Any, name: str) -> Mapping[str, tuple[str, int]]:
    found = rows(airflow, "select task_id, state, try_number from task_instance where dag_id = ?", name)
    return {task: (state, tries) for task, state, tries in found}


def run_state(airflow: Any, name: str) -> str:
    return str(rows(airflow, "select state from dag_run where dag_id = ?", name)[0][0])


def test_a_pipeline_runs_to_its_metrics(airflow: Any, write_pipeline: Callable[..., Path], tmp_path: Path) -> None:
    write_pipeline("wilt", gate="{roc_auc: {min: 0.8}}", airflow='{schedule: "0 3 * * *", retries: 0}')

    ran = airflow("dags", "test", "wilt", "2026-03-02T03:00:00+00:00")

    assert ran.returncode == 0, ran.stdout[-6000:]
    run = tmp_path / "runs" / "wilt" / "20260302T030000"
    assert run_state(airflow, "wilt") == "success"
    assert {t: s for t, (s, _) in task_states(airflow, "wilt").items()} == dict.fromkeys(STAGES, "success")
    assert json.loads((run / "run.json").read_text())["variables"] == {"date": "2026-03-01"}
    assert (run / "report.html").stat().st_size > 1000
    test = json.loads((run / "metrics.json").read_text())["splits"]["test"]
    assert sum(test["support"].values()) == test["n"] == 968

    pushed = rows(airflow, "select task_id, value from xcom where dag_id = 'wilt' and key = 'return_value'")
    left = {task: json.loads(value) if isinstance(value, str) else value for task, value in pushed}
    left = {task: json.loads(value) if isinstance(value, str) else value for task, value in left.items()}
    assert set(left) == set(STAGES)
    assert left["profile"]["run_dir"] == str(run)
    assert left["profile"]["rows"]["out"] == {"1": 4578, "2": 261}
    assert left["gate"]["minority"]["class"] == "2"
    assert left["gate"]["minority"]["pr_auc"] == test["per_class"]["2"]["pr_auc"]


def test_a_failed_guard_ends_red_without_a_retry_and_is_reported(
    airflow: Any, write_pipeline: Callable[..., Path], tmp_path: Path
) -> None:
    write_pipeline("guarded", guards="{parameters: {minority_share_min: 0.4}}", airflow="{schedule: null, retries: 2}")

    ran = airflow("dags", "test", "guarded", "2026-03-02T03:00:00+00:00")

    assert ran.returncode != 0
    states = task_states(airflow, "guarded")
    assert run_state(airflow, "guarded") == "failed"
    assert states["profile"][0] == "success"
    assert states["guard_raw"] == ("failed", 1)
    assert {states[s][0] for s in STAGES[2 : STAGES.index("report")]} == {"upstream_failed"}
    assert states["report"][0] == "success"
    assert states["gate"][0] == "upstream_failed"
    run = tmp_path / "runs" / "guarded" / "20260302T030000"
    outcome = json.loads((run / "stages" / "guard_raw.json").read_text())
    assert outcome["kind"] == "guard" and outcome["message"] in ran.stdout
    assert (run / "report.html").exists()


def test_broken_pipelines_stop_no_other_pipeline_and_are_listed(
    airflow: Any, write_pipeline: Callable[..., Path], pipelines: Path
) -> None:
    write_pipeline("sound")
    (pipelines / "torn.yaml").write_text("version: 1\nname: torn\ndata: {path: /t, label: y}\nsplit: {test: 2}\n")
    (pipelines / "worn.yaml").write_text("version: 1\nname: worn\ndata: {path: /t, lable: y}\n")

    parsed = airflow("dag-processor", "--num-runs", "1")

    assert parsed.returncode == 0, parsed.stdout[-3000:]
    state = rows(airflow, "select is_stale, has_import_errors from dag where dag_id = 'sound'")
    assert [tuple(map(bool, s)) for s in state] == [(False, False)]
    errors = dict(rows(airflow, "select filename, stacktrace from import_error"))
    assert list(errors) == ["dag_broken_pipelines.py"]
    assert f"{pipelines}/torn.yaml\nsplit.test: " in errors["dag_broken_pipelines.py"]
    assert f"{pipelines}/worn.yaml\ndata.label: is missing" in errors["dag_broken_pipelines.py"]

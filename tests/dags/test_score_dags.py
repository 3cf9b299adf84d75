"""The second DAG of a pipeline: which pipelines have one, when it runs, and what it submits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from test_dag_pipelines import DAGS, write
from test_stage_operator import dag_run

from steelyard.airflow import MonitorOperator, ScoreOperator, pipeline_asset
from steelyard.config import ScoreConfig

SCORE = "score: {path: 'in/${date}.csv', out: '../scored/${date}'"


def score_dag(pipelines: Path, more: str = "") -> DAG:
    write(pipelines, "mine", f"{SCORE}{more}}}\nairflow: {{retries: 3, pool: nights}}\n")
    write(pipelines, "other")
    bag = DagBag(str(DAGS))
    assert bag.import_errors == {}
    assert set(bag.dags) == {"mine", "mine.score", "other"}
    return bag.dags["mine.score"]


def submitted(dag: DAG, **params: Any) -> list[str]:
    [task] = dag.tasks
    task.render_template_fields({"dag_run": dag_run(), "params": {**dag.params.dump(), **params}})
    arguments: list[str] = task.application_args
    return arguments


def test_only_a_pipeline_with_a_section_score_has_one(pipelines: Path, tmp_path: Path) -> None:
    dag = score_dag(pipelines, ", schedule: '0 5 * * *'")
    [task] = dag.tasks
    assert isinstance(dag.timetable, CronDataIntervalTimetable) and dag.timetable.expression == "0 5 * * *"
    assert dag.max_active_runs == 1 and dag.tags == {"steelyard"} and not dag.catchup
    assert (task.task_id, task.retries, task.pool, task.owner) == ("score", 3, "nights", "steelyard")
    assert task.on_failure_callback and not task.outlets
    assert Path(task.application).is_file() and Path(task.application).name == "job_score.py"


def test_it_submits_the_rows_of_the_day_and_the_current_run(pipelines: Path, tmp_path: Path) -> None:
    dag = score_dag(pipelines, ", format: csv")
    rows, out = f"{pipelines}/in/2026-03-01.csv", f"{tmp_path}/scored/2026-03-01"
    expected = [rows, "--out", out, "--overwrite", "--format", "csv"]
    assert submitted(dag) == [f"{tmp_path}/runs/mine", *expected]


def test_a_run_may_be_named(pipelines: Path, tmp_path: Path) -> None:
    assert submitted(score_dag(pipelines), run_id="20260201T030000")[0] == f"{tmp_path}/runs/mine/20260201T030000"


def test_without_a_schedule_it_follows_the_gate(pipelines: Path, tmp_path: Path) -> None:
    dag = score_dag(pipelines)
    assert [a.uri for a in dag.schedule] == [f"file://{tmp_path}/runs/mine"]


def test_with_limits_the_scored_rows_are_monitored(pipelines: Path, tmp_path: Path) -> None:
    write(pipelines, "mine", f"{SCORE}}}\nmonitor: {{psi: 0.3}}\n")
    dag = DagBag(str(DAGS)).dags["mine.score"]
    task = dag.get_task("monitor")
    assert task.upstream_task_ids == {"score"} and Path(task.application).is_file()
    task.render_template_fields({"dag_run": dag_run(), "params": dag.params.dump()})
    rows, out = f"{pipelines}/in/2026-03-01.csv", f"{tmp_path}/scored/2026-03-01/_monitor"
    assert task.application_args == [f"{tmp_path}/runs/mine", rows, "--out", out, "--overwrite"] and task.out == out


def test_an_alert_fails_the_task_with_its_words(tmp_path: Path) -> None:
    said = "pathlib.Path(sys.argv[4], 'monitor.json').write_text(json.dumps({'alerts': [{'message': 'it drifted'}]}))"
    (tmp_path / "job_monitor.py").write_text(f"import json, pathlib, sys\n{said}\nsys.exit(1)\n")
    (tmp_path / "out" / "_monitor").mkdir(parents=True)
    score = ScoreConfig(path="new.csv", out=str(tmp_path / "out"))
    task = MonitorOperator(task_id="monitor", run_dir="runs/p", score=score, jobs=str(tmp_path))
    with pytest.raises(AirflowFailException, match="^it drifted$"):
        task.execute({})


@pytest.mark.parametrize(
    ("store", "uri"),
    [
        ("/srv/runs/", "file:///srv/runs/p"),
        ("s3a://bucket/runs", "s3a://bucket/runs/p"),
        ("hdfs://name:8020/runs/", "hdfs://name:8020/runs/p"),
    ],
)
def test_an_asset_is_the_pipelines_folder_in_the_store(store: str, uri: str) -> None:
    assert pipeline_asset(store, "p") == Asset(uri)


@pytest.fixture
def task(tmp_path: Path) -> Callable[[str], ScoreOperator]:
    """Return a function that makes the operator of a job with the given end."""

    def make(end: str) -> ScoreOperator:
        (tmp_path / "job_score.py").write_text(f"import json, pathlib, sys\n{end}\n")
        score = ScoreConfig(path="new.csv", out=str(tmp_path / "out"))
        return ScoreOperator(task_id="score", run_dir="runs/p", score=score, jobs=str(tmp_path))

    return make


def test_what_the_job_says_goes_to_xcom(tmp_path: Path, task: Callable[[str], ScoreOperator]) -> None:
    (tmp_path / "out").mkdir()
    said = "pathlib.Path(sys.argv[4], '_scores.json').write_text(json.dumps({'arguments': sys.argv[1:]}))"
    assert task(said).execute({}) == {"arguments": ["runs/p", "new.csv", "--out", f"{tmp_path}/out", "--overwrite"]}


def test_wrong_input_is_not_retried_and_an_engine_failure_is(task: Callable[[str], ScoreOperator]) -> None:
    with pytest.raises(AirflowFailException):
        task("sys.exit(2)").execute({})
    with pytest.raises(AirflowException) as failure:
        task("sys.exit(3)").execute({})
    assert not isinstance(failure.value, AirflowFailException)

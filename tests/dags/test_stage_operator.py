"""What the operator makes of a stage's end: real outcomes in a real store, left by jobs that spark-submit ran."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.api.datamodels._generated import DagRun
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from steelyard.airflow import StageOperator, pipeline_dag, run_id
from steelyard.airflow._submit import find_spark_submit
from steelyard.config import STAGES
from steelyard.errors import ConfigError
from steelyard.store import Outcome, RunDir, Store, new_token, now

JOB = """
import argparse, os, sys
from steelyard.config import load
from steelyard.store import Outcome, Store, new_token, now

parser = argparse.ArgumentParser()
for name in ("pipeline", "run-id", "store", "var"):
    parser.add_argument(f"--{name}")
parser.add_argument("--set", action="append")
parser.add_argument("--last")
parser.add_argument("--resume", action="store_true")
given = parser.parse_args()
run = Store(given.store).run(load(given.pipeline).name, given.run_id)

def leave(status, stage="split", **more):
    run.publish(Outcome(stage, status, new_token(), now(), now(), **more))

"""


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return Store(tmp_path / "runs").create("small", "r1", {})


@pytest.fixture
def stage(tmp_path: Path, run: RunDir) -> Callable[..., StageOperator]:
    """Return a function that makes the operator of a job with the given end."""

    def make(end: str, **more: Any) -> StageOperator:
        pipeline = tmp_path / "small.yaml"
        pipeline.write_text("version: 1\nname: small\ndata: {path: t.parquet, label: y}\n")
        (tmp_path / f"job_{more.get('stage', 'split')}.py").write_text(JOB + dedent(end))
        given = {"pipeline": str(pipeline), "run_id": "r1", "store": str(tmp_path / "runs"), "jobs": str(tmp_path)}
        return StageOperator(**{"task_id": "split", "stage": "split", **given, **more})

    return make


def left_before(run: RunDir, status: str, **more: Any) -> None:
    run.publish(Outcome("split", status, new_token(), now(), now(), **more))


@pytest.mark.parametrize("kind", ["guard", "input"])
def test_a_failure_that_a_retry_cannot_mend_fails_at_once(kind: str, stage: Callable[..., StageOperator]) -> None:
    task = stage(f"leave('failed', kind={kind!r}, message='the minority is 0.9 of all rows'); sys.exit(1)")
    with pytest.raises(AirflowFailException, match=r"^the minority is 0\.9 of all rows$"):
        task.execute({})


def test_an_engine_failure_is_left_to_retries(stage: Callable[..., StageOperator]) -> None:
    task = stage("leave('failed', kind='engine', message='a worker is lost'); sys.exit(3)")
    with pytest.raises(AirflowException, match="Error code is: 3") as failure:
        task.execute({})
    assert not isinstance(failure.value, AirflowFailException)


def test_a_death_is_no_guard_failure_although_the_try_before_it_was(
    run: RunDir, stage: Callable[..., StageOperator]
) -> None:
    left_before(run, "failed", kind="guard", message="no")
    with pytest.raises(AirflowException) as failure:
        stage("os.kill(os.getpid(), 9)").execute({})
    assert not isinstance(failure.value, AirflowFailException)


def test_an_input_error_before_there_is_a_run_fails_at_once(stage: Callable[..., StageOperator]) -> None:
    task = stage("print('error: there is no run', file=sys.stderr); sys.exit(2)")
    with pytest.raises(AirflowFailException, match="there is no run"):
        task.execute({})


def test_a_success_leaves_a_summary(run: RunDir, stage: Callable[..., StageOperator]) -> None:
    left_before(run, "failed", kind="guard", message="no")
    done = "leave('done', rows={'in': {'a': 9, 'b': 1}}, details={'method': 'stratified', 'long': '%s'})"

    summary = stage(done % "x").execute({})

    outcome = run.outcome("split")
    assert outcome is not None
    assert summary == {
        "stage": "split",
        "status": "done",
        "attempt": outcome.attempt,
        "run_dir": run.location,
        "rows": {"in": {"a": 9, "b": 1}},
        "details": {"method": "stratified", "long": "x"},
    }
    json.dumps(summary)


def test_each_override_is_a_set_of_the_job(stage: Callable[..., StageOperator]) -> None:
    sets = 'split.seed=5\nresample={"method": "smote"}'
    said = stage("leave('done', details={'sets': given.set})", overrides=sets).execute({})
    assert said["details"] == {"sets": ["split.seed=5", 'resample={"method": "smote"}']}


SEVERAL = ("split", "guard_split", "diagnose")


def at_try(number: int) -> dict[str, Any]:
    """What Airflow gives a task at one of its tries."""
    return {"ti": RuntimeTaskInstance.model_construct(try_number=number)}


def test_several_stages_leave_a_summary_each(run: RunDir, stage: Callable[..., StageOperator]) -> None:
    said = stage(f"for s in {SEVERAL}: leave('done', s, rows={{'in': {{'a': 9}}}})", last="diagnose").execute(at_try(1))
    assert list(said) == list(SEVERAL)
    for name, of in said.items():
        assert (of["stage"], of["status"], of["rows"]) == (name, "done", {"in": {"a": 9}})
        assert run.outcome(name).attempt == of["attempt"]  # type: ignore[union-attr]


def test_the_stage_that_failed_of_several_is_named(run: RunDir, stage: Callable[..., StageOperator]) -> None:
    no = "leave('done'); leave('failed', 'guard_split', kind='guard', message='keys in two splits'); sys.exit(1)"
    with pytest.raises(AirflowFailException, match=r"^stage guard_split: keys in two splits$"):
        stage(no, last="diagnose").execute(at_try(1))
    with pytest.raises(AirflowException) as failure:
        stage("leave('done'); os.kill(os.getpid(), 9)", last="diagnose").execute(at_try(2))
    assert not isinstance(failure.value, AirflowFailException), "the guard failed at the try before"
    with pytest.raises(AirflowFailException, match="holds no outcome of diagnose"):
        stage("leave('done'); leave('done', 'guard_split')", last="diagnose").execute(at_try(1))


def test_a_job_that_dies_where_no_later_task_reports_leaves_a_report(
    run: RunDir, stage: Callable[..., StageOperator]
) -> None:
    run.publish(Outcome("train", "failed", new_token(), now(), now(), kind="engine", message="a worker is lost"))
    with pytest.raises(AirflowException):
        stage("os.kill(os.getpid(), 9)", stage="evaluate", last="gate").execute(at_try(1))
    assert "a worker is lost" in run.read_bytes("report.html").decode()


def test_stages_out_of_order_are_no_task(stage: Callable[..., StageOperator]) -> None:
    with pytest.raises(ConfigError, match="stage profile comes before split"):
        stage("", last="profile")


def test_only_another_try_of_a_task_that_is_not_whole_resumes(stage: Callable[..., StageOperator]) -> None:
    """A DAG run is a new run of its interval, and a cleared task that had succeeded is asked for again."""
    tell = f"for s in {SEVERAL}: leave('done', s, details={{'resume': given.resume, 'last': given.last}})"

    def resumed(number: int) -> bool:
        said = stage(tell, last="diagnose").execute(at_try(number))["diagnose"]["details"]
        assert said["last"] == "diagnose"
        return bool(said["resume"])

    assert not resumed(1)
    assert not resumed(2)
    with pytest.raises(AirflowException):
        stage("leave('failed', 'guard_split', kind='engine', message='lost'); sys.exit(3)", last="diagnose").execute(
            at_try(3)
        )
    assert resumed(4)


def test_an_asset_says_which_run_made_it(run: RunDir, stage: Callable[..., StageOperator]) -> None:
    asset = Asset("file:///runs/small")
    events = OutletEventAccessors()
    stage("leave('done')", outlets=[asset]).execute({"outlet_events": events})
    assert events[asset].extra == {"run_dir": run.location, "run_id": "r1"}


def test_links_lead_to_report_and_data_docs(run: RunDir, stage: Callable[..., StageOperator]) -> None:
    def links(**more: Any) -> dict[str, str]:
        task = stage("", **more)
        return {link.name: link.get_link(task, ti_key=None) for link in task.operator_extra_links}

    assert links() == {"Report": f"file://{run.location}/report.html"}
    guard = {"stage": "guard_raw", "task_id": "guard_raw"}
    assert links(**guard) == {"Report": f"file://{run.location}/report.html", "Data Docs": ""}
    docs = {"docs": run.uri("guards/a1/docs/index.html")}
    run.publish(Outcome("guard_raw", "failed", "a1", now(), now(), kind="guard", details=docs))
    assert links(**guard)["Data Docs"] == f"file://{run.location}/guards/a1/docs/index.html"
    assert links(**guard, store_url="https://reports.example/runs/") == {
        "Report": "https://reports.example/runs/small/r1/report.html",
        "Data Docs": "https://reports.example/runs/small/r1/guards/a1/docs/index.html",
    }


def test_a_success_that_left_nothing_here_is_no_success(stage: Callable[..., StageOperator]) -> None:
    with pytest.raises(AirflowFailException, match="must see the same store"):
        stage("pass").execute({})


def test_what_is_long_is_left_to_the_store(run: RunDir) -> None:
    from steelyard.airflow._summary import summary

    left_before(run, "done", rows={"in": {f"class {i}": i for i in range(1000)}}, details={"rows": 1})
    outcome = run.outcome("split")
    assert outcome is not None
    assert summary(run, outcome).keys() == {"stage", "status", "attempt", "run_dir", "details"}


def test_the_minority_is_in_the_summary_of_the_gate(run: RunDir) -> None:
    from steelyard.airflow._summary import summary

    recall, area = {"value": 0.8, "ci95": [0.7, 0.9]}, {"value": 0.5, "ci95": None}
    test = {"per_class": {"1": {"recall": recall, "pr_auc": area, "f1": recall}}, "expected_cost": {"value": 2.5}}
    run.write_json("metrics.json", {"positive": "1", "threshold": 0.25, "splits": {"test": test}})
    outcome = run.publish(Outcome("gate", "done", new_token(), now(), now()))
    assert summary(run, outcome)["minority"] == {
        "class": "1",
        "threshold": 0.25,
        "recall": recall,
        "f1": recall,
        "pr_auc": area,
        "expected_cost": {"value": 2.5},
    }
    macro = {"positive": None, "threshold": None, "splits": {"test": {"macro": {"recall": recall}}}}
    run.write_json("metrics.json", macro)
    assert summary(run, outcome)["minority"]["recall"] == recall


def test_a_registered_metric_is_in_the_summary() -> None:
    from steelyard.airflow._summary import headline
    from steelyard.metrics import Metric, register_metric, unregister_metric

    texts = {"label": "Youden's J", "description": "recall + specificity - 1"}
    register_metric(Metric(name="youden_j", kind="counts", value=lambda c: c.recall + c.specificity - 1, **texts))
    try:
        test = {"per_class": {"1": {"youden_j": {"value": 0.6, "ci95": None}}}}
        found = headline({"positive": "1", "threshold": 0.25, "splits": {"test": test}})
    finally:
        unregister_metric("youden_j")
    assert found["youden_j"] == {"value": 0.6, "ci95": None}


def test_a_wrong_pipeline_or_run_id_submits_nothing(tmp_path: Path, stage: Callable[..., StageOperator]) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nname: small\ndata: {path: t.parquet}\n")
    with pytest.raises(AirflowFailException, match=r"data\.label: is missing"):
        stage("", pipeline=str(wrong)).execute({})
    with pytest.raises(AirflowFailException, match="run id '../r1'"):
        stage("", run_id="../r1").execute({})


def test_a_missing_connection_says_how_to_make_one(stage: Callable[..., StageOperator]) -> None:
    with pytest.raises(AirflowFailException, match="airflow connections add nowhere --conn-type spark"):
        stage("", conn_id="nowhere").execute({})


def dag_run(**given: Any) -> DagRun:
    known = {
        "dag_id": "small",
        "run_id": "scheduled__2026-03-01T03:00:00+00:00",
        "logical_date": datetime(2026, 3, 1, 3, tzinfo=UTC),
        "data_interval_start": datetime(2026, 3, 1, 3, tzinfo=UTC),
        "data_interval_end": datetime(2026, 3, 2, 3, tzinfo=UTC),
        "run_after": datetime(2026, 3, 2, 3, tzinfo=UTC),
        "start_date": None,
        "end_date": None,
        "run_type": "scheduled",
        "state": "running",
        "consumed_asset_events": [],
        "partition_key": None,
    }
    return DagRun(**{**known, **given})


def rendered(tmp_path: Path, run: DagRun, **params: Any) -> list[tuple[list[str], str]]:
    pipeline = tmp_path / "small.yaml"
    pipeline.write_text("version: 1\nname: small\ndata: {path: 'in/${date}.parquet', label: y}\n")
    dag = pipeline_dag(pipeline, store="/runs", jobs="/jobs")
    arguments = []
    for task in dag.tasks:
        task.render_template_fields({"dag_run": run, "params": {**dag.params.dump(), **params}})
        assert isinstance(task, StageOperator)
        assert task.application_args is not None and task.application_args[3] == task.run_id == run_id(run)
        arguments.append((task.application_args, task.overrides))
    return arguments


def test_all_tasks_submit_the_same_run(tmp_path: Path) -> None:
    arguments = rendered(tmp_path, dag_run())
    expected = ["--pipeline", f"{tmp_path}/small.yaml", "--run-id", "20260301T030000", "--store", "/runs"]
    assert arguments == [([*expected, "--var", "date=2026-03-01"], "")] * len(STAGES)


def test_all_tasks_submit_what_the_form_changes(tmp_path: Path) -> None:
    changed = rendered(tmp_path, dag_run(), sampler="smote", ratio=0.2, seed=5)
    lines = ["split.seed=5", "train.seed=5", 'resample={"method": "smote", "sampling_strategy": 0.2}']
    assert [sets.splitlines() for _, sets in changed] == [lines] * len(STAGES)


def test_a_run_without_an_interval_has_the_day_that_it_was_due(tmp_path: Path) -> None:
    bare = dag_run(logical_date=None, data_interval_start=None, data_interval_end=None)
    [(first, _), *_] = rendered(tmp_path, bare)
    assert first[-1] == "date=2026-03-02"


@pytest.mark.skipif(os.name != "posix", reason="the script beside the interpreter has another name elsewhere")
def test_only_this_environments_own_spark_submit_changes_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    own = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", "/usr/bin")
    find_spark_submit()
    find_spark_submit()
    assert os.environ["PATH"] == f"{own}:/usr/bin"

    other = tmp_path / "spark-submit"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{own}")
    find_spark_submit()
    assert os.environ["PATH"] == f"{tmp_path}:{own}"

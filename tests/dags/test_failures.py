"""Who is told of a failure, and in which words."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_stage_operator import dag_run

from steelyard.airflow import Deployment, folder_score_dags, pipeline_dag
from steelyard.errors import ConfigError
from steelyard.store import Outcome, RunDir, Store, new_token, now

SENTENCE = "expect_minority_share: column 'y': the share of the rarest class 'a' is 0.1 %, expected at least 5 %"
HOOK = "heard = []\n\ndef tell(message, context):\n    heard.append((message, context['task'].task_id))\n\nnumber = 3\n"


@pytest.fixture
def hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of the user's, importable under its name."""
    (tmp_path / "my_alerts.py").write_text(HOOK)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("STEELYARD_ALLOWED_MODULES", "my_alerts, my_alarms")
    import my_alerts  # type: ignore[import-not-found]

    yield my_alerts
    sys.modules.pop("my_alerts", None)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return Store(tmp_path / "runs").create("small", "20260301T030000", {})


def fail(tmp_path: Path, stage: str, airflow: str = "{}", error: BaseException | None = None, **more: Any) -> None:
    """Do what Airflow does once a task has failed."""
    file = tmp_path / "small.yaml"
    file.write_text(f"version: 1\nname: small\ndata: {{path: t.parquet, label: y}}\nairflow: {airflow}\n")
    dag = pipeline_dag(file, store=str(tmp_path / "runs"), jobs="/jobs", **more)
    task = dag.task_dict[stage]
    [callback] = task.on_failure_callback
    callback({"dag_run": dag_run(), "task": task, "exception": error})


def test_the_log_has_the_words_of_the_expectation(
    tmp_path: Path, run: RunDir, caplog: pytest.LogCaptureFixture
) -> None:
    docs = {"docs": run.uri("guards/a1/docs/index.html")}
    run.publish(Outcome("guard_raw", "failed", "a1", now(), now(), kind="guard", message=SENTENCE, details=docs))
    with caplog.at_level(logging.ERROR, logger="airflow.task"):
        fail(tmp_path, "guard_raw", store_url="https://reports.example")
    place = "https://reports.example/small/20260301T030000"
    assert caplog.messages == [
        f"small, run 20260301T030000, stage guard_raw: {SENTENCE}\n"
        f"Data Docs: {place}/guards/a1/docs/index.html\n"
        f"report: {place}/report.html"
    ]


def test_addresses_in_a_guards_own_words_are_a_browsers(tmp_path: Path, run: RunDir, hooks: Any) -> None:
    docs = run.uri("guards/a1/docs/index.html")
    words = {"message": f"{SENTENCE}\n  Data Docs: {docs}", "details": {"docs": docs}}
    run.publish(Outcome("guard_raw", "failed", "a1", now(), now(), kind="guard", **words))
    fail(tmp_path, "guard_raw", on_failure="my_alerts.tell", store_url="https://reports.example")
    fail(tmp_path, "guard_raw", on_failure="my_alerts.tell")
    for place, (message, _) in zip(
        ("https://reports.example/small/20260301T030000", run.uri()), hooks.heard, strict=True
    ):
        assert message.splitlines()[1:] == [
            f"  Data Docs: {place}/guards/a1/docs/index.html",
            f"report: {place}/report.html",
        ]


def test_the_pipelines_own_hook_goes_before_the_deployments(tmp_path: Path, run: RunDir, hooks: Any) -> None:
    run.publish(Outcome("split", "failed", new_token(), now(), now(), kind="input", message="no column 'y'"))
    fail(tmp_path, "split", "{on_failure: my_alerts.tell}", on_failure="print")
    [(message, task)] = hooks.heard
    assert message.startswith("small, run 20260301T030000, stage split: no column 'y'\nreport: file:///")
    assert task == "split"


def test_a_death_is_told_in_airflows_words(tmp_path: Path, run: RunDir, hooks: Any) -> None:
    run.publish(Outcome("train", "done", new_token(), now(), now()))
    fail(tmp_path, "train", on_failure="my_alerts.tell", error=RuntimeError("Error code is: 137"))
    fail(tmp_path, "evaluate", on_failure="my_alerts.tell")
    assert [m.splitlines()[0] for m, _ in hooks.heard] == [
        "small, run 20260301T030000, stage train: Error code is: 137",
        "small, run 20260301T030000, stage evaluate: died without an outcome",
    ]


def test_scoring_is_no_stage_of_a_run(tmp_path: Path, hooks: Any) -> None:
    score = "score: {path: new.csv, out: scored}\n"
    (tmp_path / "small.yaml").write_text(f"version: 1\nname: small\ndata: {{path: t.parquet, label: y}}\n{score}")
    deployment = Deployment(str(tmp_path / "runs"), "/jobs", on_failure="my_alerts.tell")
    [task] = folder_score_dags(tmp_path, deployment)["small.score"].tasks
    [callback] = task.on_failure_callback
    callback({"dag_run": dag_run(), "task": task, "exception": RuntimeError("Error code is: 2")})
    assert hooks.heard == [("small, 2026-03-01, task score: Error code is: 2", "score")]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("my_alerts.shout", "module 'my_alerts' has no attribute 'shout'"),
        ("my_alarms.tell", "No module named 'my_alarms'"),
        ("my_alerts.number", "is not a function of"),
    ],
)
def test_a_hook_that_is_not_there_is_found_out_at_once(path: str, said: str, tmp_path: Path, hooks: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^airflow\.on_failure: .*{said}"):
        fail(tmp_path, "split", f"{{on_failure: {path}}}")
    with pytest.raises(ConfigError, match=rf"^STEELYARD_ON_FAILURE: .*{said}"):
        fail(tmp_path, "split", on_failure=path)

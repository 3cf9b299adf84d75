"""The DAG files: what they load, what every DAG keeps to, and what they cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, CronDataIntervalTimetable

from steelyard.airflow import StageOperator, check_folder, pipeline_dag
from steelyard.config import STAGES, load
from steelyard.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = REPOSITORY / "dags"
CALLS = 85_000  # a pipeline costs about 68,000, half of them for reading YAML
EXAMPLES = sorted((REPOSITORY / "pipelines").glob("*.yaml"))


def write(folder: Path, name: str, more: str = "") -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(f"version: 1\nname: {name}\ndata: {{path: t.parquet, label: y}}\n{more}")
    return file


@pytest.fixture(scope="module")
def examples() -> Iterator[DagBag]:
    """The DAGs of the pipelines in the repository."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PIPELINES", "STORE", "JOBS"):
            patch.delenv(f"STEELYARD_{name}", raising=False)
        yield DagBag(str(DAGS))


def test_every_example_pipeline_is_a_dag(examples: DagBag) -> None:
    assert examples.import_errors == {}
    assert set(examples.dags) == {load(p).name for p in EXAMPLES} and len(EXAMPLES) >= 5


@pytest.mark.parametrize("name", [p.stem for p in EXAMPLES])
def test_policy(examples: DagBag, name: str) -> None:
    dag: DAG = examples.dags[name]
    config = load(REPOSITORY / "pipelines" / f"{name}.yaml").airflow
    assert dag.tags == {"steelyard"}
    assert dag.catchup is config.catchup and dag.max_active_runs == 1
    assert dag.doc_md and f"- pipeline: `{REPOSITORY}/pipelines/{name}.yaml`" in dag.doc_md
    assert tuple(dag.task_dict) == STAGES
    for stage, task in dag.task_dict.items():
        assert isinstance(task, StageOperator)
        assert task.owner == "steelyard" and task.retries == config.retries and task._conn_id == config.conn_id
        assert Path(task.application).is_file() and Path(task.application).name == f"job_{stage}.py"
        assert task.trigger_rule == ("all_done" if stage == "report" else "all_success")
        assert task.store == str(REPOSITORY / "runs")
        assert task.on_failure_callback and task.pool == "default_pool"
        assert [asset.uri for asset in task.outlets] == (
            [f"file://{REPOSITORY}/runs/{name}"] if stage == "gate" else []
        )
        links = [link.name for link in task.operator_extra_links]
        assert links == (["Report", "Data Docs"] if stage.startswith("guard_") else ["Report"])


def test_stages_are_grouped_in_their_order_under_their_own_names(examples: DagBag) -> None:
    groups = examples.dags["card_fraud"].task_group.children
    shown = {name: tuple(group.children) for name, group in groups.items()}
    assert shown == {
        "prepare": ("profile", "guard_raw", "split", "guard_split"),
        "balance": ("diagnose", "resample", "guard_resampled"),
        "model": ("train", "decide", "evaluate", "guard_scored"),
        "publish": ("report", "gate"),
    }
    assert tuple(stage for stages in shown.values() for stage in stages) == STAGES


def test_the_gate_is_the_only_leaf_and_needs_every_stage(examples: DagBag) -> None:
    dag = examples.dags["card_fraud"]
    assert [t.task_id for t in dag.leaves] == ["gate"]
    assert [t.task_id for t in dag.roots] == ["profile"]
    assert dag.task_dict["gate"].upstream_task_ids == set(STAGES) - {"gate"}
    for before, after in pairwise(STAGES):
        assert before in dag.task_dict[after].upstream_task_ids


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("stage", {stage: (stage,) for stage in STAGES}),
        (
            "group",
            {
                "data": ("profile", "guard_raw", "split", "guard_split"),
                "model": ("diagnose", "resample", "guard_resampled", "train", "decide"),
                "verdict": ("evaluate", "guard_scored", "report", "gate"),
            },
        ),
        ("run", {"run": STAGES}),
    ],
)
def test_the_tasks_are_stages_groups_or_the_run(
    pipelines: Path, tasks: str, expected: dict[str, tuple[str, ...]]
) -> None:
    write(pipelines, "mine", f"airflow: {{tasks: {tasks}, retries: 2, pool: nights}}\nscore: {{path: in, out: out}}\n")
    bag = DagBag(str(DAGS))
    assert bag.import_errors == {} and set(bag.dags) == {"mine", "mine.score"}
    dag = bag.dags["mine"]
    found: dict[str, Any] = dag.task_dict
    assert {name: tuple(task.stages) for name, task in found.items()} == expected
    assert list(found) == list(expected), "in their order"
    *before, last = found.values()
    assert [t.task_id for t in dag.leaves] == [last.task_id] and last.upstream_task_ids == {t.task_id for t in before}
    assert [t.task_id for t in dag.roots] == [next(iter(expected))]
    for task in found.values():
        assert (task.retries, task.pool) == (2, "nights") and task.on_failure_callback
        assert Path(task.application).name == f"job_{task.stages[0]}.py" and Path(task.application).is_file()
        assert task.trigger_rule == ("all_done" if "report" in task.stages else "all_success")
        assert bool(task.outlets) is ("gate" in task.stages)
        guards = [stage for stage in task.stages if stage.startswith("guard_")]
        docs = ["Data Docs"] * len(guards) if tasks == "stage" else [f"Data Docs of {guard}" for guard in guards]
        assert [link.name for link in task.operator_extra_links] == ["Report", *docs]
        assert len({link.xcom_key for link in task.operator_extra_links}) == 1 + len(guards)
    assert tuple(stage for stages in expected.values() for stage in stages) == STAGES


@pytest.mark.parametrize("tasks", ["stage", "group", "run"])
def test_where_runs_are_promoted_the_task_that_does_so_is_the_last(pipelines: Path, tasks: str) -> None:
    write(pipelines, "mine", f"airflow: {{tasks: {tasks}}}\npromote: {{rule: better}}\n")
    dag = DagBag(str(DAGS)).dags["mine"]
    found: dict[str, Any] = dag.task_dict
    assert tuple(stage for task in found.values() for stage in task.stages) == (*STAGES, "promote")
    last = list(found.values())[-1]
    assert [t.task_id for t in dag.leaves] == [last.task_id] and len(last.outlets) == 1
    assert [task.task_id for task in found.values() if task.outlets] == [last.task_id]
    report = next(i for i, task in enumerate(found.values()) if "report" in task.stages)
    for i, task in enumerate(found.values()):
        if i > report:
            assert task.upstream_task_ids == set(list(found)[:i]), "the report succeeds whatever has failed"


def test_the_schedule_has_real_intervals(examples: DagBag) -> None:
    dag = examples.dags["card_fraud_in_time"]
    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert dag.timetable.expression == "0 3 * * *"
    assert dag.start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert examples.dags["card_fraud"].schedule is None


def test_the_head_of_the_yaml_describes_the_dag(examples: DagBag) -> None:
    words = examples.dags["card_fraud"].doc_md
    assert words is not None and words.startswith("Card fraud on the ULB table")
    assert "- train: `xgboost`" in words and "- threshold: `minimize cost`" in words


def test_settings_come_from_the_environment(pipelines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "{conn_id: cluster, pool: nights, retries: 4, start_date: 2026-05-01T06:00:00+02:00}"
    file = write(pipelines, "mine", f"airflow: {wanted}\n")
    monkeypatch.setenv("STEELYARD_STORE", "s3://bucket/runs")
    monkeypatch.setenv("STEELYARD_JOBS", "/opt/jobs")
    monkeypatch.setenv("STEELYARD_STORE_URL", "https://reports.example")

    bag = DagBag(str(DAGS))

    assert bag.import_errors == {} and list(bag.dags) == ["mine"]
    task: Any = bag.dags["mine"].task_dict["split"]
    assert task.application == "/opt/jobs/job_split.py"
    assert task.application_args[:2] == ["--pipeline", str(file)]
    assert task.store == "s3://bucket/runs" and task.retries == 4 and task._conn_id == "cluster"
    assert task.pool == "nights" and task.store_url == "https://reports.example"
    gate: Any = bag.dags["mine"].task_dict["gate"]
    assert [asset.uri for asset in gate.outlets] == ["s3://bucket/runs/mine"]
    assert bag.dags["mine"].start_date == datetime(2026, 5, 1, 4, tzinfo=UTC)


def test_broken_pipelines_are_listed_with_their_place_and_the_others_load(
    pipelines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_ALLOWED_MODULES", "nobody")
    write(pipelines, "sound")
    write(pipelines, "a_key", "splitt: {}\n")
    write(pipelines, "a_schedule", "airflow: {schedule: 61 3 * * *}\n")
    write(pipelines, "a_variable", "resample: {method: none, note: '${region}'}\n")
    write(pipelines, "a_hook", "airflow: {on_failure: nobody.tell}\n")
    write(pipelines, "a_score", "score: {path: in/new.parquet, out: out, schedule: daily}\n")
    write(pipelines, "a_score_date", "score: {path: 'in/${day}.parquet', out: out}\n")
    (pipelines / "no_yaml.yaml").write_text("version: [1\n")
    (pipelines / "not_text.yaml").write_bytes(b"\xff\xfe\x00version")
    write(pipelines, "twice").write_text((pipelines / "sound.yaml").read_text())

    bag = DagBag(str(DAGS))

    assert list(bag.dags) == ["sound"]
    [(file, said)] = bag.import_errors.items()
    assert file == str(DAGS / "dag_broken_pipelines.py")
    assert "9 of 10 pipelines have no DAG" in said
    assert f"{pipelines}/a_key.yaml\nsplitt: unknown key. Did you mean 'split'? (line 4" in said
    assert f"{pipelines}/a_schedule.yaml\nairflow.schedule: '61 3 * * *' is neither a cron expression" in said
    assert f"{pipelines}/a_variable.yaml\nresample.note: ${{region}} has no value" in said
    assert f"{pipelines}/a_hook.yaml\nairflow.on_failure: cannot import 'nobody.tell': No module named 'nobody'" in said
    assert f"{pipelines}/a_score.yaml\nscore.schedule: 'daily' is neither a cron expression" in said
    assert (
        f"{pipelines}/a_score_date.yaml\nscore: only ${{date}} is available when new rows are scored, got ${{day}}"
        in said
    )
    assert f"{pipelines}/no_yaml.yaml\n" in said
    assert f"{pipelines}/not_text.yaml\n" in said
    assert f"{pipelines}/twice.yaml\nname: 'sound' is the name of sound.yaml already" in said


def test_the_date_is_a_variable_of_every_dag(pipelines: Path) -> None:
    file = pipelines / "daily.yaml"
    file.write_text("version: 1\nname: daily\ndata: {path: 'in/${date}.parquet', label: y}\n")
    check_folder(pipelines)
    assert pipeline_dag(file, store="/s", jobs="/j").task_dict.keys() == set(STAGES)


def test_a_changed_file_is_read_again(pipelines: Path) -> None:
    for tasks in ("run", "stage", "run"):
        write(pipelines, "mine", f"airflow: {{tasks: {tasks}}}\n")
        assert len(DagBag(str(DAGS)).dags["mine"].tasks) == (1 if tasks == "run" else len(STAGES))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder .*/nowhere"):
        check_folder(tmp_path / "nowhere")


def test_what_spark_submit_takes_passes_through(pipelines: Path) -> None:
    dag = pipeline_dag(write(pipelines, "far"), store="/s", jobs="/j", py_files="steelyard.zip", executor_memory="4g")
    task: Any = dag.task_dict["train"]
    assert task.py_files == "steelyard.zip" and task._executor_memory == "4g"
    assert task.conf == {"spark.ui.showConsoleProgress": "false"}


def parsed(pipelines: Path, count: int) -> dict[str, Any]:
    """Return what a fresh interpreter does to make DAGs of some pipelines, once Airflow itself is imported."""
    template = (REPOSITORY / "pipelines" / "card_fraud_in_time.yaml").read_text()
    for i in range(count):
        text = template.replace("name: card_fraud_in_time", f"name: pipeline_{i}")
        (pipelines / f"pipeline_{i}.yaml").write_text(text)
    program = f"""
import cProfile, json, runpy, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, CronDataIntervalTimetable
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
before = set(sys.modules)
import steelyard.airflow
profile = cProfile.Profile()
made = profile.runcall(runpy.run_path, {str(DAGS / "dag_pipelines.py")!r})
print(json.dumps({{
    "dags": sum(isinstance(value, DAG) for value in made.values()),
    "calls": sum(entry.callcount for entry in profile.getstats()),
    "new": sorted({{m.split(".")[0] for m in set(sys.modules) - before}}),
    "pyspark": "pyspark" in sys.modules,
}}))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_parsing_imports_nothing_heavy_and_each_pipeline_costs_the_same_little(pipelines: Path) -> None:
    few, many = parsed(pipelines, 5), parsed(pipelines, 25)
    assert (few["dags"], many["dags"]) == (5, 25)
    assert not many["pyspark"]
    assert not {"pandas", "numpy", "pyarrow", "sklearn", "xgboost", "great_expectations"} & set(many["new"])
    # Calls of functions, which no busy machine changes; benchmarks/start.py has the seconds.
    each = (many["calls"] - few["calls"]) / 20
    assert each < CALLS, f"{each:,.0f} calls for each pipeline"

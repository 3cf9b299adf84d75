"""From a pipeline's YAML to its DAG."""

from __future__ import annotations

from datetime import UTC, datetime, time
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable
from airflow.sdk.exceptions import AirflowTimetableInvalid

from steelyard.airflow._operator import StageOperator
from steelyard.airflow._run import data_date, run_id
from steelyard.config import STAGES, AirflowConfig, PipelineConfig, load, read_document
from steelyard.errors import ConfigError

# What `${date}` is while a DAG is parsed, which knows of no day yet.
_SOME_DAY = "2026-01-01"


def pipeline_dag(pipeline: str | Path, *, store: str, jobs: str, **submit: Any) -> DAG:
    """Return the DAG of a pipeline: a task for each stage, in their order.

    `report` runs in any case, also after a failure. `gate` is the only leaf and needs every stage's success, so that
    a failed guard ends in a failed DAG run although the report after it was written.

    Parameters
    ----------
    pipeline : str or Path
        The YAML. Its `airflow` block gives schedule, start, catch-up, retries and connection.
    store : str
        Where run directories go, a path or URI.
    jobs : str
        The folder of `job_<stage>.py`.
    **submit : object
        For each `StageOperator`: `py_files`, `conf`, `executor_memory`, …

    Raises
    ------
    ConfigError
        If the YAML or its schedule is wrong.
    """
    return make_dag(pipeline, read_pipeline(pipeline), store, jobs, submit)


def read_pipeline(pipeline: str | Path) -> PipelineConfig:
    """Return a pipeline's configuration, its schedule checked too.

    Raises
    ------
    ConfigError
        If anything is wrong with it.
    """
    config = load(pipeline, variables={"date": _SOME_DAY})
    table = timetable(config.airflow)
    if table is not None:
        try:
            table.validate()
        except AirflowTimetableInvalid as error:
            raise ConfigError(
                f"airflow.schedule: {config.airflow.schedule!r} is neither a cron expression nor one of @hourly, "
                f"@daily, @weekly, @monthly, @yearly: {error} (in {pipeline})"
            ) from None
    return config


def timetable(config: AirflowConfig) -> CronDataIntervalTimetable | None:
    """Return the schedule with real data intervals; Airflow's own for a cron expression has empty ones."""
    if config.schedule is None:
        return None
    return CronDataIntervalTimetable(config.schedule, timezone="UTC")


def make_dag(pipeline: str | Path, config: PipelineConfig, store: str, jobs: str, submit: dict[str, Any]) -> DAG:
    """Return the DAG of a pipeline that has been read."""
    settings = config.airflow
    dag = DAG(
        config.name,
        schedule=timetable(settings),
        start_date=_start(settings),
        catchup=settings.catchup,
        max_active_runs=1,
        default_args={"owner": "steelyard", "retries": settings.retries},
        tags=["steelyard"],
        doc_md=_document(pipeline, config),
        user_defined_macros={"steelyard_run_id": run_id, "steelyard_date": data_date},
    )
    tasks = {
        stage: StageOperator(
            task_id=stage,
            dag=dag,
            stage=stage,
            pipeline=str(pipeline),
            run_id="{{ steelyard_run_id(dag_run) }}",
            store=store,
            jobs=jobs,
            variables={"date": "{{ steelyard_date(dag_run) }}"},
            conn_id=settings.conn_id,
            trigger_rule="all_done" if stage == "report" else "all_success",
            **submit,
        )
        for stage in STAGES
    }
    for before, after in pairwise(STAGES):
        tasks[before] >> tasks[after]
    # Directly, not only through the report, which succeeds whatever has failed before it.
    tasks["gate"].set_upstream([tasks[stage] for stage in STAGES[:-2]])
    return dag


def _start(config: AirflowConfig) -> datetime:
    start = config.start_date
    if not isinstance(start, datetime):
        start = datetime.combine(start, time.min)
    return start if start.tzinfo else start.replace(tzinfo=UTC)


def _document(pipeline: str | Path, config: PipelineConfig) -> str:
    """Return what Airflow shows of the pipeline: the comment at the head of its YAML, and its parts in short."""
    lines = read_document(pipeline)[0].lstrip().splitlines()
    words = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))
    facts = {
        "label": config.data.label,
        "split": config.split.method,
        "resample": config.resample.method,
        "train": config.train.model,
        "threshold": ", ".join(f"{k} {v}" for k, v in config.threshold_rule.items()),
        "pipeline": str(pipeline),
    }
    return "\n".join([words, "", *(f"- {name}: `{value}`" for name, value in facts.items())]).lstrip()

"""From a pipeline's YAML to its DAG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, TaskGroup

from steelyard.airflow._deployment import Deployment, pipeline_asset
from steelyard.airflow._failure import failure_callback
from steelyard.airflow._literal import literal
from steelyard.airflow._operator import StageOperator
from steelyard.airflow._params import form, overrides
from steelyard.airflow._run import data_date, run_id
from steelyard.airflow._schedule import check_schedule, start, timetable
from steelyard.config import STAGE_TABLE, PipelineConfig, load, read_document, rule_text, stages_of
from steelyard.errors import ConfigError

# What `${date}` is while a DAG is parsed, which knows of no day yet.
_SOME_DAY = "2026-01-01"

GROUPS = {stage.name: stage.group for stage in STAGE_TABLE}
"""With which others a stage is shown."""


def stages_of_tasks(config: PipelineConfig) -> dict[str, tuple[str, ...]]:
    """Return the stages of each task, as `airflow.tasks` says."""
    stages, tasks = stages_of(config), config.airflow.tasks
    if tasks == "stage":
        return {stage: (stage,) for stage in stages}
    if tasks == "run":
        return {"run": stages}
    known = [stage for stage in STAGE_TABLE if stage.name in stages]
    names = dict.fromkeys(stage.task for stage in known)
    return {name: tuple(stage.name for stage in known if stage.task == name) for name in names}


def pipeline_dag(
    pipeline: str | Path,
    *,
    store: str,
    jobs: str,
    store_url: str | None = None,
    on_failure: str | None = None,
    **submit: Any,
) -> DAG:
    """Return the DAG of a pipeline: one task for each stage, each group of stages or all, in order.

    The report is always written, also after a failure. The last task is the only leaf and needs every task's success,
    so that a failed guard fails the DAG run although the report is written. Only that task emits the pipeline's asset,
    see `pipeline_asset`.

    Parameters
    ----------
    pipeline : str or Path
        The YAML. Its section `airflow` gives schedule, start, catch-up, retries, connection, pool, and the function
        that is called on failures.
    store : str
        Where run directories go, a path or URI.
    jobs : str
        The folder of `job_<stage>.py`.
    store_url : str, optional
        Where a browser finds the store.
    on_failure : str, optional
        Dotted path of a function `(message, context)`, where the YAML names none.
    **submit : object
        For each `StageOperator`: `py_files`, `conf`, `executor_memory`, …

    Raises
    ------
    ConfigError
        If the YAML, its schedule or the function is wrong.
    """
    return make_dag(pipeline, read_pipeline(pipeline), Deployment(store, jobs, store_url, on_failure, submit))


def read_pipeline(pipeline: str | Path) -> PipelineConfig:
    """Return a pipeline's configuration, its schedules checked too.

    Raises
    ------
    ConfigError
        If anything is wrong with it.
    """
    config = load(pipeline, variables={"date": _SOME_DAY})
    try:
        check_schedule(config.airflow.schedule, "airflow.schedule")
        check_schedule(config.score.schedule if config.score else None, "score.schedule")
    except ConfigError as error:
        raise ConfigError(f"{error} (in {pipeline})") from None
    return config


def make_dag(pipeline: str | Path, config: PipelineConfig, deployment: Deployment) -> DAG:
    """Return the DAG of a pipeline that has been read."""
    dag = DAG(
        config.name,
        **shared(config, deployment),
        schedule=timetable(config.airflow.schedule),
        catchup=config.airflow.catchup,
        doc_md=_document(pipeline, config),
        user_defined_macros={
            "steelyard_run_id": run_id,
            "steelyard_date": data_date,
            "steelyard_overrides": lambda params: overrides(config, params),
        },
    )
    shown = dict.fromkeys(GROUPS.values() if config.airflow.tasks == "stage" else ())
    groups = {name: TaskGroup(name, dag=dag, prefix_group_id=False) for name in shown}
    tasks = [
        _task(name, stages, dag, groups.get(GROUPS[stages[0]]), pipeline, config, deployment)
        for name, stages in stages_of_tasks(config).items()
    ]
    for before, after in pairwise(tasks):
        before >> after
    # Directly, not only through the report, which succeeds whatever has failed before it.
    report = next(i for i, task in enumerate(tasks) if "report" in task.stages)
    for i in range(min(report + 1, len(tasks) - 1), len(tasks)):
        tasks[i].set_upstream(tasks[: i - 1])
    # At the end: Airflow copies a DAG's parameters five times for each task that is made in it.
    dag.params.update(form(config))
    return dag


def shared(config: PipelineConfig, deployment: Deployment) -> dict[str, Any]:
    """Return the arguments that all DAGs of a pipeline share."""
    settings = config.airflow
    return {
        "start_date": start(settings.start_date),
        # Two runs for one day would write to one place.
        "max_active_runs": 1,
        "default_args": {
            "owner": "steelyard",
            "retries": settings.retries,
            "on_failure_callback": failure_callback(config, deployment),
            **({} if settings.pool is None else {"pool": settings.pool}),
        },
        "tags": ["steelyard"],
    }


def _task(
    name: str,
    stages: Sequence[str],
    dag: DAG,
    group: TaskGroup | None,
    pipeline: str | Path,
    config: PipelineConfig,
    deployment: Deployment,
) -> StageOperator:
    return StageOperator(
        task_id=name,
        dag=dag,
        task_group=group,
        stage=stages[0],
        pipeline_stages=stages_of(config),
        last=stages[-1] if len(stages) > 1 else None,
        pipeline=literal(str(pipeline)),
        run_id="{{ steelyard_run_id(dag_run) }}",
        store=literal(deployment.store),
        jobs=literal(deployment.jobs),
        store_url=deployment.store_url,
        variables={"date": "{{ steelyard_date(dag_run) }}"},
        overrides="{{ steelyard_overrides(params) }}",
        conn_id=config.airflow.conn_id,
        trigger_rule="all_done" if "report" in stages else "all_success",
        outlets=[pipeline_asset(deployment.store, config.name)] if stages[-1] == stages_of(config)[-1] else [],
        **deployment.submit,
    )


def _document(pipeline: str | Path, config: PipelineConfig) -> str:
    """Return Airflow's description of the pipeline: the comment at the head of its YAML, and a summary."""
    lines = read_document(pipeline)[0].lstrip().splitlines()
    words = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))
    facts = {
        "label": config.data.label,
        "split": config.split.method,
        "resample": config.resample.method,
        "train": config.train.model,
        "threshold": rule_text(config.threshold_rule),
        "pipeline": str(pipeline),
    }
    return "\n".join([words, "", *(f"- {name}: `{value}`" for name, value in facts.items())]).lstrip()

"""A pipeline's second DAG: new rows are scored with the current model, and compared with its run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param

from steelyard.airflow._dag import shared
from steelyard.airflow._deployment import Deployment, pipeline_asset
from steelyard.airflow._literal import literal
from steelyard.airflow._monitor import MonitorOperator
from steelyard.airflow._new_rows import NewRowsOperator
from steelyard.airflow._run import RUN_ID, data_date
from steelyard.airflow._schedule import timetable
from steelyard.config import PipelineConfig, ScoreConfig
from steelyard.errors import InputError

_RUN = "{{ steelyard_run(params.run_id) }}"
_DATE = "{{ steelyard_date(dag_run) }}"


class ScoreOperator(NewRowsOperator):
    """Score new rows through spark-submit; scores of an earlier try, or of an earlier run for the same day, go.

    Takes what `NewRowsOperator` takes. The content of `_scores.json` goes to XCom, such as the run whose model it was,
    rows and decisions.
    """

    script, document = "job_score.py", "_scores.json"


def run_below(chosen: str | None) -> str:
    """Return a chosen run as a path below the pipeline's folder, empty for the current run.

    Raises
    ------
    InputError
        If it is not a run id, because it could leave the folder.
    """
    if chosen and not re.fullmatch(RUN_ID, chosen):
        raise InputError(f"run id {chosen!r} is not of the form {RUN_ID}")
    return f"/{chosen}" if chosen else ""


def _each_day(score: ScoreConfig) -> ScoreConfig:
    """Return the section with the date as its only template."""
    fixed = {n: _DATE.join(map(literal, getattr(score, n).split("${date}"))) for n in ("path", "out")}
    return score.model_copy(update={**fixed, "format": None if score.format is None else literal(score.format)})


def make_score_dag(pipeline: str | Path, config: PipelineConfig, deployment: Deployment) -> DAG:
    """Return the scoring DAG of a pipeline that has been read and has a section `score`.

    It runs by its own schedule, or else whenever the pipeline's `gate` has emitted its asset. With a section `monitor`,
    a second task compares the rows with the run.
    """
    score = config.score
    if score is None:
        raise InputError(f"pipeline {config.name!r} has no section 'score' ({pipeline})")
    asset = pipeline_asset(deployment.store, config.name)
    dag = DAG(
        f"{config.name}.score",  # a name that no pipeline can have
        **shared(config, deployment),
        schedule=[asset] if score.schedule is None else timetable(score.schedule),
        catchup=config.airflow.catchup,
        params={
            "run_id": Param(
                None,
                type=["null", "string"],
                pattern=f"^(?:{RUN_ID})?$",
                title="Run id",
                description="Whose model scores. Empty: the current run of the pipeline.",
            )
        },
        doc_md=f"Scores `{score.path}` with the current model of `{config.name}`, into `{score.out}`.",
        user_defined_macros={"steelyard_date": data_date, "steelyard_run": run_below},
    )
    job: dict[str, Any] = {
        "dag": dag,
        "run_dir": f"{literal(deployment.store.rstrip('/'))}/{config.name}{_RUN}",
        "score": _each_day(score),
        "jobs": literal(deployment.jobs),
        "conn_id": config.airflow.conn_id,
        **deployment.submit,
    }
    scored = ScoreOperator(task_id="score", **job)
    if config.monitor is not None:
        scored >> MonitorOperator(task_id="monitor", **job)
    return dag

"""A pipeline's second DAG: new rows are scored with the current model, and compared with its run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowFailException

from steelyard.airflow._dag import shared
from steelyard.airflow._deployment import Deployment, pipeline_asset
from steelyard.airflow._literal import literal
from steelyard.airflow._monitor import MonitorOperator
from steelyard.airflow._run import RUN_ID, data_date
from steelyard.airflow._schedule import timetable
from steelyard.airflow._submit import JobOperator
from steelyard.config import PipelineConfig, ScoreConfig
from steelyard.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

_RUN = "{{ steelyard_run(params.run_id) }}"
_DATE = "{{ steelyard_date(dag_run) }}"


class ScoreOperator(JobOperator):
    """Score new rows through spark-submit; scores of an earlier try, or of an earlier run for the same day, go.

    Parameters
    ----------
    run_dir : str
        A run, or a pipeline's folder in the store: then the current run. (templated)
    score : ScoreConfig
        Where the rows are and where scores go. (templated)
    jobs : str
        The folder of `job_score.py`.
    **submit : object
        What `SparkSubmitOperator` and Airflow's operators take.

    Returns
    -------
    dict
        Goes to XCom: what `_scores.json` says, such as the run whose model it was, rows and decisions.
    """

    template_fields: Sequence[str] = (*SparkSubmitOperator.template_fields, "out")

    def __init__(self, *, run_dir: str, score: ScoreConfig, jobs: str, **submit: Any) -> None:
        form = [] if score.format is None else ["--format", score.format]
        arguments = [run_dir, score.path, "--out", score.out, "--overwrite", *form]
        super().__init__(job=f"{jobs}/job_score.py", arguments=arguments, **submit)
        self.out = score.out

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base's gives nothing back
        """Submit the job, wait for it, and return its `_scores.json`.

        Raises
        ------
        AirflowFailException
            For wrong input, which a retry cannot fix; other errors are raised unchanged.
        """
        from steelyard.store import Store  # imports pyarrow, which DAG parsing does not need

        self.find_spark()
        try:
            super().execute(context)
        except Exception as error:
            if self.exit_code() == InputError.exit_code:
                raise AirflowFailException(str(error)) from error
            raise
        said: dict[str, Any] = Store(self.out).here().read_json("_scores.json")
        return said


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
                description="Whose model scores. Empty: the run with the latest data whose gate has passed.",
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

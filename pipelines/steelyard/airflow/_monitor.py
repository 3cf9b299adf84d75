"""The second task of a scoring DAG: compare the rows that were scored with the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowFailException

from steelyard.airflow._submit import JobOperator
from steelyard.config import ScoreConfig
from steelyard.errors import GuardError, InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

FOLDER = "_monitor"
"""In the folder of the scores, whose readers skip names that begin with an underscore."""


class MonitorOperator(JobOperator):
    """Compare new rows with a run through spark-submit; the task fails if a limit of the pipeline is exceeded.

    Parameters
    ----------
    run_dir : str
        A run, or a pipeline's folder in the store: then the current run. (templated)
    score : ScoreConfig
        Where the rows and their scores are. (templated)
    jobs : str
        The folder of `job_monitor.py`.
    **submit : object
        What `SparkSubmitOperator` and Airflow's operators take.

    Returns
    -------
    dict
        Goes to XCom: the content of `monitor.json`.
    """

    template_fields: Sequence[str] = (*SparkSubmitOperator.template_fields, "out")

    def __init__(self, *, run_dir: str, score: ScoreConfig, jobs: str, **submit: Any) -> None:
        form = [] if score.format is None else ["--format", score.format]
        self.out = f"{score.out}/{FOLDER}"
        arguments = [run_dir, score.path, "--out", self.out, "--overwrite", *form]
        super().__init__(job=f"{jobs}/job_monitor.py", arguments=arguments, **submit)

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base's gives nothing back
        """Submit the job, wait for it, and return its `monitor.json`.

        Raises
        ------
        AirflowFailException
            For an alert, and for wrong input, which a retry cannot change; other errors are raised unchanged.
        """
        from steelyard.store import Store  # imports pyarrow, which DAG parsing does not need

        self.find_spark()
        place = Store(self.out).here()
        try:
            super().execute(context)
        except Exception as error:
            code = self.exit_code()
            if code == InputError.exit_code:
                raise AirflowFailException(str(error)) from error
            if code == GuardError.exit_code and place.exists("monitor.json"):
                alerts = [alert["message"] for alert in place.read_json("monitor.json")["alerts"]]
                raise AirflowFailException("; ".join(alerts) or str(error)) from error
            raise
        found: dict[str, Any] = place.read_json("monitor.json")
        return found

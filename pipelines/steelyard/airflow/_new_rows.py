"""Base of the jobs that take a run and new rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowFailException

from steelyard.airflow._submit import JobOperator
from steelyard.config import ScoreConfig
from steelyard.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from steelyard.store import Folder


class NewRowsOperator(JobOperator):
    """Submit a job on new rows, and return the document that it has written.

    Parameters
    ----------
    run_dir : str
        A run, or a pipeline's folder in the store: then the current run. (templated)
    score : ScoreConfig
        Where the rows and their scores are. (templated)
    jobs : str
        The folder of `script`.
    **submit : object
        What `SparkSubmitOperator` and Airflow's operators take.

    Attributes
    ----------
    script : str
    folder : str
        Below the folder of the scores, for what the job writes.
    document : str
        The job's JSON file, whose content goes to XCom.
    """

    template_fields: Sequence[str] = (*SparkSubmitOperator.template_fields, "out")
    script: ClassVar[str]
    folder: ClassVar[str] = ""
    document: ClassVar[str]

    def __init__(self, *, run_dir: str, score: ScoreConfig, jobs: str, **submit: Any) -> None:
        form = [] if score.format is None else ["--format", score.format]
        self.out = f"{score.out}{self.folder}"
        arguments = [run_dir, score.path, "--out", self.out, "--overwrite", *form]
        super().__init__(job=f"{jobs}/{self.script}", arguments=arguments, **submit)

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base's gives nothing back
        """Submit the job, wait for it, and return its document.

        Raises
        ------
        AirflowFailException
            For what a retry cannot change, see `final`; other errors are raised unchanged.
        """
        from steelyard.store import Store  # imports pyarrow, which DAG parsing does not need

        self.find_spark()
        place = Store(self.out).here()
        try:
            super().execute(context)
        except Exception as error:
            message = self.final(str(error), place)
            if message is None:
                raise
            raise AirflowFailException(message) from error
        found: dict[str, Any] = place.read_json(self.document)
        return found

    def final(self, error: str, place: Folder) -> str | None:
        """Return the message of a failure that a retry cannot change: wrong input. None for others."""
        return error if self.exit_code() == InputError.exit_code else None

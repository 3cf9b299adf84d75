"""A stage as an Airflow task: spark-submit runs it, and its outcome in the store gives the kind of failure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import BaseOperatorLink
from airflow.sdk.exceptions import AirflowFailException

from steelyard.airflow._links import DataDocsLink, ReportLink
from steelyard.airflow._submit import JobOperator
from steelyard.airflow._summary import summary
from steelyard.config import load
from steelyard.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from steelyard.store import Outcome, RunDir


class StageOperator(JobOperator):
    """Run one stage of a pipeline through spark-submit.

    spark-submit's exit code does not show why a stage failed; the stage's outcome in the store does. If a guard failed
    or the user's input is wrong, the task fails at once, because a retry would give the same result. If the engine
    failed, or the process died before it wrote an outcome, Airflow retries the task by its own settings.

    Parameters
    ----------
    stage : str
        Its name; `job_<stage>.py` is submitted.
    pipeline : str
        The pipeline's YAML: a path, a URI, or JSON text. (templated)
    run_id : str
        Of the run directory; the same for all tasks of a DAG run, see `steelyard.airflow.run_id`. (templated)
    store : str
        Where run directories are, a path or URI that both the driver and Airflow's workers reach. (templated)
    jobs : str
        The folder of `job_<stage>.py`.
    variables : mapping of str to str, optional
        Values of `${NAME}` in the pipeline. (templated)
    overrides : str, default ""
        Changes of the pipeline, one `a.b=value` per line. (templated) The stage `profile` applies them and writes them
        to `run.json`, which all later stages read.
    store_url : str, optional
        The store's address in a browser, for the links to report and Data Docs.
    **submit : object
        What `SparkSubmitOperator` and Airflow's operators take: `conn_id`, `conf`, `py_files`, `retries`, …

    Returns
    -------
    dict
        Goes to XCom: the outcome's status, attempt, rows and details, the run directory, and for `evaluate` and `gate`
        the minority class on the test split. Where the task has outlets, their events carry run directory and id.
    """

    template_fields: Sequence[str] = (
        *SparkSubmitOperator.template_fields,
        "pipeline",
        "run_id",
        "store",
        "variables",
        "overrides",
    )

    def __init__(
        self,
        *,
        stage: str,
        pipeline: str,
        run_id: str,
        store: str,
        jobs: str,
        variables: Mapping[str, str] | None = None,
        overrides: str = "",
        store_url: str | None = None,
        **submit: Any,
    ) -> None:
        arguments = ["--pipeline", pipeline, "--run-id", run_id, "--store", store]
        for name, value in (variables or {}).items():
            arguments += ["--var", f"{name}={value}"]
        super().__init__(job=f"{jobs}/job_{stage}.py", arguments=arguments, **submit)
        self.stage = stage
        self.pipeline = pipeline
        self.run_id = run_id
        self.store = store
        self.variables = dict(variables or {})
        self.overrides = overrides
        self.store_url = store_url
        docs = (DataDocsLink(),) if stage.startswith("guard_") else ()
        self.operator_extra_links: Collection[BaseOperatorLink] = (ReportLink(), *docs)

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base's gives nothing back
        """Submit the stage, wait for it, and return its summary.

        Raises
        ------
        AirflowFailException
            For failures that a retry cannot fix; other errors are raised unchanged.
        """
        try:
            run = self.run_directory()
        except InputError as error:
            raise AirflowFailException(str(error)) from None
        self.find_spark()
        self.application_args = [*(self.application_args or []), *(a for o in self._sets() for a in ("--set", o))]
        before = run.outcome(self.stage)
        try:
            super().execute(context)
        except Exception as error:
            self._explain(error, _fresh(run.outcome(self.stage), before))
            raise
        outcome = run.outcome(self.stage)
        if outcome is None or not outcome.done:
            raise AirflowFailException(
                f"spark-submit succeeded, but {run.location} holds no outcome of {self.stage}: "
                "the driver and Airflow's workers must see the same store"
            )
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"run_dir": run.location, "run_id": self.run_id}
        return summary(run, outcome)

    def run_directory(self) -> RunDir:
        """Return the run directory of the task.

        Raises
        ------
        InputError
            If the pipeline or the run id is wrong.
        """
        from steelyard.store import Store  # pyarrow, which parsing a DAG has no use for

        config = load(self.pipeline, self._sets(), self.variables)
        return Store(self.store).run(config.name, self.run_id)

    def _sets(self) -> list[str]:
        return [line for line in self.overrides.split("\n") if line]

    def _explain(self, error: Exception, outcome: Outcome | None) -> None:
        """Raise errors that must not be retried, log the others."""
        if outcome is not None and not outcome.done:
            if outcome.kind in ("guard", "input"):
                raise AirflowFailException(outcome.message) from None  # spark-submit's own words add nothing
            self.log.error("stage %s failed: %s", self.stage, outcome.message)
        elif self.exit_code() == InputError.exit_code:
            # The job didn't even get to a run directory, where it could leave an outcome.
            raise AirflowFailException(str(error)) from error
        else:
            self.log.error("spark-submit failed, and stage %s left no failure of its own", self.stage)


def _fresh(outcome: Outcome | None, before: Outcome | None) -> Outcome | None:
    """Return the outcome if it isn't the one from before: an earlier try must not explain this one.

    Attempts are compared, not times: the driver's clock may be another, and a task that takes up a job that its last
    try submitted gets an outcome that began before it.
    """
    return None if outcome is None or (before is not None and outcome.attempt == before.attempt) else outcome

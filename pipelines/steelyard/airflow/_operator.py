"""A stage as an Airflow task: spark-submit runs it, and its outcome in the store says what a failure means."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from steelyard.airflow._summary import summary
from steelyard.config import load
from steelyard.errors import InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from steelyard.store import Outcome, RunDir


class StageOperator(SparkSubmitOperator):
    """Run one stage of a pipeline through spark-submit.

    spark-submit's exit code can't tell why a stage failed. The outcome that the stage leaves in the store can: where a
    guard said no, or the user's input is wrong, the task fails at once, since a retry would only say it again. Where
    the engine failed, or died without a word, Airflow retries as the task is told to.

    Parameters
    ----------
    stage : str
        Its name; `job_<stage>.py` is submitted.
    pipeline : str
        The pipeline's YAML: a path, a URI, or JSON text. (templated)
    run_id : str
        Of the run directory; the same for all tasks of a DAG run, see `steelyard.airflow.run_id`. (templated)
    store : str
        Where run directories are, a path or URI that both the driver and Airflow's workers see. (templated)
    jobs : str
        The folder of `job_<stage>.py`.
    variables : mapping of str to str, optional
        Values of `${NAME}` in the pipeline. (templated)
    **submit : object
        What `SparkSubmitOperator` and Airflow's operators take: `conn_id`, `conf`, `py_files`, `retries`, …

    Returns
    -------
    dict
        Goes to XCom: the outcome's status, attempt, rows and details, the run directory, and for `evaluate` and `gate`
        the minority class on the test split.
    """

    template_fields: Sequence[str] = (*SparkSubmitOperator.template_fields, "pipeline", "run_id", "store", "variables")
    ui_color = "#e8eef7"

    def __init__(
        self,
        *,
        stage: str,
        pipeline: str,
        run_id: str,
        store: str,
        jobs: str,
        variables: Mapping[str, str] | None = None,
        conf: Mapping[str, Any] | None = None,
        **submit: Any,
    ) -> None:
        arguments = ["--pipeline", pipeline, "--run-id", run_id, "--store", store]
        for name, value in (variables or {}).items():
            arguments += ["--var", f"{name}={value}"]
        super().__init__(
            application=f"{jobs}/job_{stage}.py",
            application_args=arguments,
            # Else progress bars fill the task's log.
            conf={"spark.ui.showConsoleProgress": "false", **(conf or {})},
            **submit,
        )
        self.stage = stage
        self.pipeline = pipeline
        self.run_id = run_id
        self.store = store
        self.variables = dict(variables or {})

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base's gives nothing back
        """Submit the stage, wait for it, and return its summary.

        Raises
        ------
        AirflowFailException
            For failures that a retry can't mend; all others leave as they came.
        """
        run = self._run_directory()
        self._check_connection()
        _find_spark_submit()
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
        return summary(run, outcome)

    def _run_directory(self) -> RunDir:
        from steelyard.store import Store  # pyarrow, which parsing a DAG has no use for

        try:
            return Store(self.store).run(load(self.pipeline, variables=self.variables).name, self.run_id)
        except InputError as error:
            raise AirflowFailException(str(error)) from None

    def _check_connection(self) -> None:
        """Refuse a missing connection, for which the provider would submit to YARN."""
        try:
            BaseHook.get_connection(self._conn_id)
        except AirflowNotFoundException:
            raise AirflowFailException(
                f"there is no connection {self._conn_id!r} that says where Spark is; for this very machine: "
                f"airflow connections add {self._conn_id} --conn-type spark --conn-host 'local[*]'"
            ) from None

    def _explain(self, error: Exception, outcome: Outcome | None) -> None:
        """Raise what must not be retried, log the rest."""
        if outcome is not None and not outcome.done:
            if outcome.kind in ("guard", "input"):
                raise AirflowFailException(outcome.message) from error
            self.log.error("stage %s failed: %s", self.stage, outcome.message)
        elif self._exit_code() == InputError.exit_code:
            # The job didn't even get to a run directory, where it could leave an outcome.
            raise AirflowFailException(str(error)) from error
        else:
            self.log.error("spark-submit failed, and stage %s left no failure of its own", self.stage)

    def _exit_code(self) -> int | None:
        """Return the driver's own exit code, which spark-submit passes on where it runs the driver itself."""
        process = getattr(self._hook, "_submit_sp", None)
        return None if process is None else process.returncode


def _fresh(outcome: Outcome | None, before: Outcome | None) -> Outcome | None:
    """Return the outcome if it isn't the one from before: an earlier try must not explain this one.

    Attempts are compared, not times: the driver's clock may be another, and a task that takes up a job that its last
    try submitted gets an outcome that began before it.
    """
    return None if outcome is None or (before is not None and outcome.attempt == before.attempt) else outcome


def _find_spark_submit() -> None:
    """Let the spark-submit that pip put beside this interpreter work as if its environment were activated.

    It starts the first `python3` on the PATH, both to find Spark and as the driver. Any other spark-submit on the PATH
    has precedence and is left alone.
    """
    folder = Path(sys.executable).parent
    found, own = shutil.which("spark-submit"), folder / "spark-submit"
    path = os.environ.get("PATH", "")
    if own.exists() and (found is None or Path(found) == own) and path.split(os.pathsep)[0] != str(folder):
        os.environ["PATH"] = f"{folder}{os.pathsep}{path}"

"""One stage or several as an Airflow task: spark-submit runs them, their outcomes in the store say why they failed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import BaseOperatorLink
from airflow.sdk.exceptions import AirflowFailException

from steelyard.airflow._links import DataDocsLink, ReportLink
from steelyard.airflow._submit import JobOperator
from steelyard.airflow._summary import summary
from steelyard.config import STAGES, load
from steelyard.errors import ConfigError, InputError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from steelyard.store import Outcome, RunDir


class UpstreamError(AirflowFailException):
    """A task before this one failed, and has reported that itself."""


def _between(first: str, last: str | None, stages: Sequence[str]) -> Sequence[str]:
    """Return the stages of a task."""
    if last is None:
        return (first,)
    found = stages[stages.index(first) : stages.index(last) + 1]
    if not found:
        raise ConfigError(f"stage {last} comes before {first}")
    return found


class StageOperator(JobOperator):
    """Run one stage of a pipeline, or several in one job, through spark-submit.

    spark-submit's exit code does not show why a stage failed; the stage's outcome in the store does. If a guard failed
    or the user's input is wrong, the task fails at once, because a retry would give the same result. If the engine
    failed, or the process died before it wrote an outcome, Airflow retries the task by its own settings.

    A task of several stages continues at the first that is not complete when it runs again in its DAG run. If all are
    complete, it executes them all. Where a task before it has not succeeded (with the trigger rule `all_done`), it runs
    `report` only, and fails.

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
    last : str, optional
        The last of several stages.
    pipeline_stages : sequence of str, optional
        The stages of the pipeline, see `steelyard.config.stages_of`; by default those that every pipeline has.
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
        the minority class on the test split. Of several stages, such a summary for each, by its name. Where the task
        has outlets, their events carry run directory and id.
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
        last: str | None = None,
        pipeline_stages: Sequence[str] = STAGES,
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
        self.last = last
        self.stages: Sequence[str] = _between(stage, last, pipeline_stages)
        self.pipeline = pipeline
        self.run_id = run_id
        self.store = store
        self.variables = dict(variables or {})
        self.overrides = overrides
        self.store_url = store_url
        docs = [s for s in self.stages if s.startswith("guard_")]
        named = [DataDocsLink(s) if last is None else DataDocsLink(s, f"Data Docs of {s}") for s in docs]
        self.operator_extra_links: Collection[BaseOperatorLink] = (ReportLink(), *named)

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]  # the base's gives nothing back
        """Submit the stages, wait for them, and return their summary.

        Raises
        ------
        AirflowFailException
            For failures that a retry cannot fix; other errors are raised unchanged.
        """
        failed = self._failed_before(context)
        if failed is not None:
            self._report_only(context, failed)
        run = self._prepare()
        if self.last is not None:
            again = context["ti"].try_number > 1 and self.failure(run) is not None
            self._add_arguments("--last", self.last, *(["--resume"] if again else []))
        found = self._submit(context, run, self.stages)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"run_dir": run.location, "run_id": self.run_id}
        summaries = {stage: summary(run, outcome) for stage, outcome in found.items()}
        return summaries if self.last is not None else summaries[self.stage]

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

    def failure(self, run: RunDir) -> tuple[str, Outcome | None] | None:
        """Return the first stage of the task that is not done, with its outcome if it has one."""
        found = ((stage, run.outcome(stage)) for stage in self.stages)
        return next(((stage, outcome) for stage, outcome in found if outcome is None or not outcome.done), None)

    def _prepare(self) -> RunDir:
        """Return the run directory, when Spark and the job's arguments are ready."""
        try:
            run = self.run_directory()
        except InputError as error:
            raise AirflowFailException(str(error)) from None
        self.find_spark()
        self._add_arguments(*(a for changed in self._sets() for a in ("--set", changed)))
        return run

    def _sets(self) -> list[str]:
        return [line for line in self.overrides.split("\n") if line]

    def _add_arguments(self, *more: str) -> None:
        self.application_args = [*(self.application_args or []), *more]

    def _submit(self, context: Context, run: RunDir, stages: Sequence[str]) -> dict[str, Outcome]:
        """Submit the job, wait for it, and return the outcomes of its stages."""
        before = {stage: run.outcome(stage) for stage in stages}
        try:
            super().execute(context)
        except Exception as error:
            self._explain(error, run, before)
            raise
        found = {stage: outcome for stage in stages if (outcome := run.outcome(stage)) is not None and outcome.done}
        missing = [stage for stage in stages if stage not in found]
        if missing:
            raise AirflowFailException(
                f"spark-submit succeeded, but {run.location} holds no outcome of {missing[0]}: "
                "the driver and Airflow's workers must see the same store"
            )
        return found

    def _explain(self, error: Exception, run: RunDir, before: Mapping[str, Outcome | None]) -> None:
        """Raise errors that must not be retried, log the others."""
        fresh = {stage: _fresh(run.outcome(stage), earlier) for stage, earlier in before.items()}
        failed = next((outcome for outcome in fresh.values() if outcome is not None and not outcome.done), None)
        if failed is not None:
            if failed.kind in ("guard", "input"):
                where = "" if self.last is None else f"stage {failed.stage}: "
                raise AirflowFailException(f"{where}{failed.message}") from None  # spark-submit's own words add nothing
            self.log.error("stage %s failed: %s", failed.stage, failed.message)
        elif self.exit_code() == InputError.exit_code:
            # The job didn't even get to a run directory, where it could leave an outcome.
            raise AirflowFailException(str(error)) from error
        else:
            stage = next((stage for stage, outcome in fresh.items() if outcome is None), self.stage)
            self.log.error("spark-submit failed, and stage %s left no failure of its own", stage)
            if self.last is not None and "report" in self.stages:
                self._write_report(run)  # no later task does

    def _write_report(self, run: RunDir) -> None:
        """Write the report of what a job has published that died."""
        from steelyard.report import build

        try:
            run.write_text("report.html", build(run))
        except Exception as error:  # the failure of the job is what Airflow must see
            self.log.error("the report could not be written: %s", error)

    def _failed_before(self, context: Context) -> Any | None:
        """Return the first task before this one that has not succeeded, for a task of several stages that runs then."""
        if self.last is None or self.trigger_rule != "all_done" or not self.upstream_task_ids:
            return None
        before = [task for task in self.dag.tasks if task.task_id in self.upstream_task_ids]
        ti = context["ti"]
        names = [task.task_id for task in before]
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=names, run_ids=[ti.run_id]).get(ti.run_id, {})
        return next((task for task in before if states.get(task.task_id) != "success"), None)

    def _report_only(self, context: Context, failed: Any) -> None:
        """Write the report of a run in which an earlier task has failed, and raise `UpstreamError`."""
        self.application = f"{self.application.rpartition('/')[0]}/job_report.py"
        said = ""
        try:
            run = self._prepare()
            found = failed.failure(run) if isinstance(failed, StageOperator) else None
            if found is not None:
                said = f": stage {found[0]}: {'it left no outcome' if found[1] is None else found[1].message}"
            self._submit(context, run, ("report",))
        except AirflowFailException as error:
            self.log.error("the report could not be written: %s", error)
        raise UpstreamError(f"task {failed.task_id} has failed{said}")


def _fresh(outcome: Outcome | None, before: Outcome | None) -> Outcome | None:
    """Return the outcome if it isn't the one from before: an earlier try must not explain this one.

    Attempts are compared, not times: the driver's clock may be another, and a task that takes up a job that its last
    try submitted gets an outcome that began before it.
    """
    return None if outcome is None or (before is not None and outcome.attempt == before.attempt) else outcome

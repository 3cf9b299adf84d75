"""Report a failed stage, with the sentences of the expectations that were not met."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from steelyard.airflow._links import address, docs_of
from steelyard.airflow._operator import StageOperator, UpstreamError
from steelyard.airflow._run import data_date, run_id
from steelyard.config import PipelineConfig, check_module
from steelyard.errors import ConfigError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from steelyard.airflow._deployment import Deployment
    from steelyard.store import Outcome, RunDir

Hook = Callable[[str, Any], Any]

log = logging.getLogger("airflow.task")


def failure_callback(config: PipelineConfig, deployment: Deployment) -> Callable[[Context], None]:
    """Return the function that Airflow calls after the last failed try of a task.

    It logs `failure_message`, and passes it to the hook if there is one. A task that failed because an earlier one did
    reports nothing.
    """
    own = config.airflow.on_failure
    hook = own_hook(config) if own else hook_of(deployment.on_failure, "STEELYARD_ON_FAILURE")

    def report_failure(context: Context) -> None:
        if isinstance(context.get("exception"), UpstreamError):
            return
        message = failure_message(config.name, deployment, context)
        log.error(message)
        if hook is not None:
            hook(message, context)

    return report_failure


def own_hook(config: PipelineConfig) -> Hook | None:
    """Return the function that a pipeline's YAML names, or None.

    Raises
    ------
    ConfigError
        If the function does not exist, or the deployment does not allow its module.
    """
    path = config.airflow.on_failure
    if path is not None:
        check_module(path, "airflow.on_failure", needed=True)
    return hook_of(path, "airflow.on_failure")


def hook_of(path: str | None, setting: str) -> Hook | None:
    """Return the function that a setting names, or None.

    Raises
    ------
    ConfigError
        If the function does not exist: when the DAG is parsed, not at the first failure.
    """
    if path is None:
        return None
    module, _, name = path.rpartition(".")
    try:
        hook = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # the user's module may raise anything
        raise ConfigError(f"{setting}: cannot import {path!r}: {error or type(error).__name__}") from None
    if not callable(hook):
        raise ConfigError(f"{setting}: {path!r} is not a function of (message, context)")
    found: Hook = hook
    return found


def failure_message(pipeline: str, deployment: Deployment, context: Context) -> str:
    """Return pipeline, run id, stage, its message, and the link to the report.

    The message is that of the stage's outcome. If the stage died before it could write one, and for other tasks, it is
    Airflow's.
    """
    from steelyard.store import Store

    task, dag_run = context["task"], context["dag_run"]
    unpublished = context.get("exception") or "died without an outcome"
    if not isinstance(task, StageOperator):
        return f"{pipeline}, {data_date(dag_run)}, task {task.task_id}: {unpublished}"
    chosen = run_id(dag_run)
    run = Store(deployment.store).run(pipeline, chosen)
    at = address(run, "", deployment.store_url).rstrip("/")
    # Where all stages are done, they were in an earlier execution.
    stage, outcome = task.failure(run) or (task.stage, None)
    said = unpublished if outcome is None else _words(run, outcome, at)
    return f"{pipeline}, run {chosen}, stage {stage}: {said}\nreport: {at}/report.html"


def _words(run: RunDir, outcome: Outcome, at: str) -> str:
    """Return the message of a stage, with the address of its Data Docs in a browser instead of Spark's."""
    words = str(outcome.message).replace(run.uri(), at)
    docs = docs_of(run, outcome)
    return words if docs is None or docs in words else f"{words}\nData Docs: {at}/{docs}"

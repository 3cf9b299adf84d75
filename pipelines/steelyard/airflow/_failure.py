"""Telling somebody that a stage has failed, in the words of the expectation that wasn't met."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from steelyard.airflow._links import address, docs_of
from steelyard.airflow._operator import StageOperator
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
    """Return what Airflow calls once a task of a pipeline has failed for good.

    It logs `failure_message`, and hands it to the hook where there is one.
    """
    own = config.airflow.on_failure
    hook = own_hook(config) if own else hook_of(deployment.on_failure, "STEELYARD_ON_FAILURE")

    def tell(context: Context) -> None:
        message = failure_message(config.name, deployment, context)
        log.error(message)
        if hook is not None:
            hook(message, context)

    return tell


def own_hook(config: PipelineConfig) -> Hook | None:
    """Return the function that a pipeline's YAML names, None where it names none.

    Raises
    ------
    ConfigError
        If there is no such function, or the deployment doesn't allow its module.
    """
    path = config.airflow.on_failure
    if path is not None:
        check_module(path, "airflow.on_failure", needed=True)
    return hook_of(path, "airflow.on_failure")


def hook_of(path: str | None, setting: str) -> Hook | None:
    """Return the function that is told, None where the setting names none.

    Raises
    ------
    ConfigError
        If there is no such function: when a DAG is parsed, and not when the first failure goes unheard.
    """
    if path is None:
        return None
    module, _, name = path.rpartition(".")
    try:
        hook = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # the module is the user's: whatever it raises
        raise ConfigError(f"{setting}: cannot import {path!r}: {error or type(error).__name__}") from None
    if not callable(hook):
        raise ConfigError(f"{setting}: {path!r} is no function of (message, context)")
    found: Hook = hook
    return found


def failure_message(pipeline: str, deployment: Deployment, context: Context) -> str:
    """Return pipeline, run id, stage, what it said, and where to look further.

    What it said are the sentences of the expectations that weren't met; of a stage that died without a word, and of
    a task that is no stage, Airflow's.
    """
    from steelyard.store import Store

    task, dag_run = context["task"], context["dag_run"]
    last_words = context.get("exception") or "died without a word"
    if not isinstance(task, StageOperator):
        return f"{pipeline}, {data_date(dag_run)}, task {task.task_id}: {last_words}"
    chosen = run_id(dag_run)
    run = Store(deployment.store).run(pipeline, chosen)
    at = address(run, "", deployment.store_url).rstrip("/")
    outcome = run.outcome(task.stage)
    # One that is done is of an earlier execution.
    said = last_words if outcome is None or outcome.done else _words(run, outcome, at)
    return f"{pipeline}, run {chosen}, stage {task.stage}: {said}\nreport: {at}/report.html"


def _words(run: RunDir, outcome: Outcome, at: str) -> str:
    """Return what a stage said, with the browser's address of its Data Docs, which a guard spells as Spark does."""
    words = str(outcome.message).replace(run.uri(), at)
    docs = docs_of(run, outcome)
    return words if docs is None or docs in words else f"{words}\nData Docs: {at}/{docs}"

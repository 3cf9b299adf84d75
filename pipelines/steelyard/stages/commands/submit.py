"""Programs of `spark_jobs/job_<stage>.py`: find the run, use the submitter's session, execute one stage or several."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from steelyard.config import PipelineConfig, SparkConfig, as_options, hide_env, known_format, load, named_values
from steelyard.errors import INTERRUPTED, GuardError, InputError, SteelyardError, closest
from steelyard.stages._context import Context, run_config, start_run
from steelyard.stages._logging import logs_as_asked
from steelyard.stages._order import ALL_STAGES, changed_keys, first_reader, stages_of
from steelyard.stages._runner import refuse_outdated, run_pipeline, run_stage, void_changed
from steelyard.stages.commands.check import check
from steelyard.stages.commands.session import submitted_session
from steelyard.store import Outcome, RunDir, Store, dumps, open_run

_UNTOLD = ("data.options", "data.path", "spark.conf")  # what may hold a secret is not repeated


def locate(
    stage: str,
    pipeline: str | None,
    run_id: str | None,
    run_dir: str | None,
    store: Store,
    overrides: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> tuple[RunDir, PipelineConfig, Callable[[], None] | None]:
    """Return a stage's run directory, its configuration, and what `run_stage` calls before it deletes outcomes, if any.

    The pipeline may differ from `run.json` in keys that this stage or later ones read: the call then replaces
    `run.json` and deletes affected outcomes. A difference in a key that an earlier stage reads is an error. With a run
    directory, its own `run.json` applies.
    """
    if stage not in ALL_STAGES:
        raise InputError(_no_stage(stage))
    if run_dir is not None:
        if pipeline is not None or run_id is not None:
            raise InputError("give either a pipeline and --run-id, or --run-dir")
        if overrides or variables:
            raise InputError("--set and --var need a pipeline: with --run-dir, the run's own run.json applies")
        directory = open_run(run_dir)
        config = run_config(directory)
        _check_has(config, stage)
        return directory, config, None
    if pipeline is None or run_id is None:
        raise InputError("give a pipeline and --run-id, or --run-dir")
    config = load(pipeline, overrides, variables)
    _check_has(config, stage)
    if stage == "profile":
        check(config)
        return start_run(store, config, run_id, variables or {}, resume=True), config, None
    directory = store.run(config.name, run_id)
    if not directory.exists("run.json"):
        raise InputError(f"there is no run {run_id!r} of {config.name} in {store.root}; run stage profile first")
    refuse_outdated(directory, stage)
    changed = changed_keys(config, run_config(directory))
    if changed:
        _refuse_earlier(changed, stage, directory, stages_of(config))
        check(config)

    def adopt() -> None:
        if changed:
            known = directory.manifest().get("variables") or {}
            start_run(store, config, run_id, {**known, **(variables or {})}, resume=True)
        void_changed(directory, config)

    return directory, config, adopt


def _no_stage(name: str) -> str:
    return f"there is no stage {name!r}.{closest(name, ALL_STAGES)} The stages are {', '.join(ALL_STAGES)}"


def _check_has(config: PipelineConfig, stage: str) -> None:
    if stage not in stages_of(config):
        raise InputError(f"{config.name} has no stage {stage}: its YAML has no section {stage}")


def _refuse_earlier(changed: Mapping[str, tuple[Any, Any]], stage: str, run: RunDir, stages: Sequence[str]) -> None:
    """Raise where a changed key, given with both its values, is read by an earlier stage."""
    readers = {key: ALL_STAGES.index(reader) for key in changed if (reader := first_reader(key, stages)) is not None}
    key = min(readers, key=lambda k: readers[k], default="")
    if not key or readers[key] >= ALL_STAGES.index(stage):
        return
    now, before = changed[key]
    values = " has changed" if key.startswith(_UNTOLD) else f" is {now!r} now, and was {before!r}"
    reader = ALL_STAGES[readers[key]]
    raise InputError(
        f"{key.removesuffix('.columns')}{values} when {run.location} was made; stage {reader} reads it: run stage "
        f"{reader} with this pipeline first, then those after it, or give --run-dir to continue the run as it is"
    )


def main(stage: str) -> None:
    """Execute `stage` as spark-submit's program, with `--last` also those after it.

    Exits with 0, or as the `steelyard` command does on failure.
    """
    parser = argparse.ArgumentParser(description=f"Execute the stage {stage} of a pipeline.")
    parser.add_argument("--last", metavar="STAGE", help="execute all stages from this one to STAGE")
    parser.add_argument("--resume", action="store_true", help="with --last: skip stages that are complete")
    parser.add_argument("--pipeline", help="a path, a URI, or JSON text")
    parser.add_argument("--run-id")
    parser.add_argument("--run-dir", help="instead of --pipeline and --run-id, after profile")
    parser.add_argument("--store", default=os.environ.get("STEELYARD_STORE") or "runs")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="a.b=c")
    parser.add_argument("--var", action="append", default=[], dest="variables", metavar="NAME=value")
    given = parser.parse_args()
    rules: dict[str, Any] = {}

    def execute() -> None:
        """Execute the stages; `rules` then has the configuration, whose secrets errors must not show."""
        _check_last(stage, given.last, resume=given.resume)
        variables = named_values(given.variables, "--var")
        directory, config, adopt = locate(
            stage, given.pipeline, given.run_id, given.run_dir, Store(given.store), given.overrides, variables
        )
        rules.update(config.to_json())
        ctx = Context(directory, config, lambda: submitted_session(config.spark, warn), warn)
        if given.last is None:
            _show(directory, "done", stage, run_stage(ctx, stage, prepare=adopt))
        else:
            show, last = partial(_show, directory), ALL_STAGES.index(given.last)
            stages = [s for s in stages_of(config) if ALL_STAGES.index(stage) <= ALL_STAGES.index(s) <= last]
            run_pipeline(ctx, resume=given.resume, notify=show, stages=stages, prepare=adopt)

    exit_with(execute, lambda text: str(hide_env(text, rules)))


def _check_last(first: str, last: str | None, *, resume: bool) -> None:
    """Raise `InputError` unless `last` is a stage that does not come before the first."""
    if last is None:
        if resume:
            raise InputError("--resume needs --last: a single stage is always executed")
        return
    if last not in ALL_STAGES:
        raise InputError(_no_stage(last))
    if ALL_STAGES.index(last) < ALL_STAGES.index(first):
        raise InputError(f"--last: stage {last} comes before {first}")


def _show(run: RunDir, event: str, stage: str, outcome: Outcome | None) -> None:
    """Show an event of a stage in the job's log."""
    for message in outcome.details.get("messages") or [] if outcome and event == "done" else []:
        print(message)  # noqa: T201
    words = {"start": "starts", "done": "done", "skip": "was done", "fail": "failed"}[event]
    attempt = "" if outcome is None else f", attempt {outcome.attempt}"
    print(f"{stage} {words} in {run.location}{attempt}", flush=True)  # noqa: T201


def warn(message: str) -> None:
    """Show a warning in the job's log."""
    print(f"note: {message}", file=sys.stderr)  # noqa: T201


def exit_with(execute: Callable[[], None], hide: Callable[[str], str] = str, shown: Callable[[str], str] = str) -> None:
    """Run a job and exit with the code of its failure; only engine failures show a traceback.

    `hide` removes secrets, such as those in a driver's URL, from the traceback; `shown` puts the options of this job
    into the message.
    """
    try:
        logs_as_asked()
        execute()
    except SteelyardError as error:
        if error.kind == "engine":
            print(hide(traceback.format_exc()), file=sys.stderr)  # noqa: T201
        print(f"error: {shown(str(error))}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted; the same command runs the stage again", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)


def main_score() -> None:
    """Score new rows as spark-submit's program."""
    from steelyard.stages.commands.score import score_table

    parser = argparse.ArgumentParser(description="Score new rows with a run's model.")
    _add_rows(parser)
    given = parser.parse_args()

    def execute() -> None:
        how = {"overwrite": given.overwrite, **_reading(given)}
        known_format(given.format, "--format")
        session = submitted_session(SparkConfig(), warn)
        _print(score_table(session, given.run_dir, given.data, given.out, given.format, warn=_warn_of_table, **how))

    exit_with(execute, shown=as_options)


def main_monitor() -> None:
    """Compare new rows with a run as spark-submit's program; exits with 1 if a limit is exceeded."""
    from steelyard.stages.commands.monitor import monitor_table

    parser = argparse.ArgumentParser(description="Compare new rows with a run, before their labels are known.")
    _add_rows(parser)
    parser.add_argument("--labels", metavar="TABLE", help="key and label of some of the rows")
    parser.add_argument("--width", type=float, default=0.5, help="wanted length of the prevalence's interval")
    given = parser.parse_args()

    def execute() -> None:
        how = {"labels": given.labels, "width": given.width, "overwrite": given.overwrite, **_reading(given)}
        known_format(given.format, "--format")
        session = submitted_session(SparkConfig(), warn)
        found = monitor_table(session, given.run_dir, given.data, given.out, given.format, warn=_warn_of_table, **how)
        _print(found)
        if found["alerts"]:
            raise GuardError("; ".join(alert["message"] for alert in found["alerts"]))

    exit_with(execute, shown=as_options)


def main_evaluate_scores() -> None:
    """Judge the scores of any model as spark-submit's program; prints JSON."""
    from steelyard.stages.commands.tables import bare_table, evaluate_table

    parser = argparse.ArgumentParser(description="Give every metric, with intervals, for the scores of any model.")
    parser.add_argument("scores", metavar="SCORES")
    parser.add_argument("--label", required=True)
    parser.add_argument("--score", required=True)
    _add_reading(parser)
    parser.add_argument("--exclude", action="append", help="a column that does not identify rows; repeatable")
    parser.add_argument("--positive")
    parser.add_argument("--threshold", type=float, help="default: 0.5")
    parser.add_argument("--group")
    parser.add_argument("--weight")
    parser.add_argument("--false-negative", help="what a missed positive costs: a column or a number")
    parser.add_argument("--false-positive", help="what a false alarm costs: a column or a number")
    given = parser.parse_args()

    def execute() -> None:
        costs = {"false_negative": given.false_negative, "false_positive": given.false_positive}
        cost = {k: _number(v) for k, v in costs.items() if v is not None}
        roles = {"label": given.label, "positive": given.positive, "weight": given.weight, "cost": cost}
        config = bare_table(given.scores, given.format, **roles, exclude=given.exclude, **_reading(given))
        session = submitted_session(SparkConfig(), warn)
        _print(evaluate_table(session, config, given.score, given.threshold, given.group, _warn_of_table))

    exit_with(execute, shown=as_options)


def _warn_of_table(message: str) -> None:
    warn(as_options(message))


def _add_rows(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a job on new rows."""
    parser.add_argument("run_dir", metavar="RUN_DIR", help="a run, or a pipeline's folder: its current run")
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("--out", required=True)
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier call wrote in --out")
    _add_reading(parser)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options of how a table is read, as the command `steelyard` has them."""
    parser.add_argument("--format", help="default: by the files' endings, else parquet")
    parser.add_argument("--option", action="append", dest="options", metavar="NAME=value", help="of Spark's reader")
    parser.add_argument("--missing", action="append", help="a CSV value that means missing; repeatable")


def _reading(given: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `_add_reading`, apart from the format."""
    return {"missing": given.missing, "options": named_values(given.options, "--option")}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _print(document: Mapping[str, object]) -> None:
    print(dumps(document, indent=2))  # noqa: T201  the job's result

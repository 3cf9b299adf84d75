"""Run stages: publish their results, record failures, always write the report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any

from steelyard import __version__
from steelyard.config import PipelineConfig
from steelyard.errors import InputError, SteelyardError, step_of, translated
from steelyard.stages._context import Context, Result
from steelyard.stages._history import forget
from steelyard.stages._order import ALL_STAGES, dependents, fingerprint, format_of, stages_of
from steelyard.store import Outcome, RunDir, new_token, now

# Messages of Parquet's reader and Hadoop's local file system for a page that has changed.
_CHECKSUMS = ("CRC checksum verification failed", "Checksum error: ")
Notify = Callable[[str, str, Outcome | None], None]


def _ignore(event: str, stage: str, outcome: Outcome | None) -> None:
    """Ignore an event."""


def run_stage(ctx: Context, stage: str, *, prepare: Callable[[], None] | None = None) -> Outcome:
    """Execute one stage again and publish its outcome.

    The outcomes of this stage and of all stages that read its output are deleted first, so that old and new results
    are never mixed. The accepted profile of the run is deleted too.

    Parameters
    ----------
    ctx : Context
    stage : str
    prepare : callable, optional
        Takes over another configuration than that of the run. It is called when the configuration has been checked
        against the table, before anything is deleted.

    Raises
    ------
    SteelyardError
        If the table does not allow the configuration, and stages that are done would be deleted: they are kept then.
        Else the failure of the stage, after it is recorded; unforeseen errors become an `EngineError`.
    """
    ctx._due = (stage,)
    if prepare is not None:
        _check(ctx, dependents([stage], ctx.config))
        prepare()
    return _execute(ctx, stage)


def _execute(ctx: Context, stage: str) -> Outcome:
    ctx.run.void(dependents([stage], ctx.config))
    forget(ctx.run)
    attempt, started = new_token(), now()
    mark = fingerprint(stage, ctx.config)

    def ended(status: str, artifacts: Sequence[str] = (), step: str = "", **more: Any) -> Outcome:
        more = {name: ctx.hide(value) for name, value in more.items()}
        made = Outcome(
            stage, status, attempt, started, now(), mark, **more, format=format_of(stage), version=__version__
        )
        outcome = ctx.run.publish(made, artifacts)
        _log_end(ctx, outcome, step)
        return outcome

    try:
        with ctx.executing(stage):
            ctx.log("started", attempt=attempt)
            result: Result = import_module(f"steelyard.stages.{stage}").run(ctx, attempt)
    except Exception as error:
        if came_of_interrupt(error):
            raise KeyboardInterrupt from error
        known = _damaged(ctx, error) or translated(error, f"stage {stage}")
        known.args = (ctx.hide(str(known)),)
        found = [f"guards/{attempt}"]  # the files of a failed guard: the report shows them
        ended("failed", found, step_of(error), kind=known.kind, message=str(known), details=known.details)
        if known is error:
            raise
        raise known from error
    return ended("done", result.artifacts, rows=result.rows, details=result.details)


def came_of_interrupt(error: BaseException | None) -> bool:
    """Return whether an error came up while an interrupt ended the stage: Java may be gone before caches are released.

    Examples
    --------
    >>> try:
    ...     try:
    ...         raise KeyboardInterrupt
    ...     finally:
    ...         raise ConnectionRefusedError
    ... except OSError as error:
    ...     came_of_interrupt(error)
    True
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _log_end(ctx: Context, outcome: Outcome, step: str) -> None:
    began, ended = (datetime.fromisoformat(t) for t in (outcome.started, outcome.finished))
    more: dict[str, Any] = {
        "attempt": outcome.attempt,
        "seconds": (ended - began).total_seconds(),
        "rows": outcome.rows,
    }
    if outcome.done:
        ctx.log("done", **more)
    else:
        ctx.log("failed", logging.ERROR, step=step, kind=outcome.kind, message=outcome.message, **more)


def _damaged(ctx: Context, error: Exception) -> InputError | None:
    """Return the error for a table of the run with wrong checksums, None for any other failure."""
    words = str(error)
    if not any(mark in words for mark in _CHECKSUMS):
        return None
    outcomes = (outcome for stage in ALL_STAGES if (outcome := ctx.run.outcome(stage)) is not None)
    named = ((f["path"], o.stage) for o in outcomes for f in o.files if f["path"] in words)
    return next(
        (
            InputError(f"{ctx.run.location}/{p} has changed: a checksum in it is wrong; run stage {s} again")
            for p, s in named
        ),
        None,
    )


def run_pipeline(
    ctx: Context,
    *,
    resume: bool = False,
    notify: Notify = _ignore,
    stages: Sequence[str] | None = None,
    prepare: Callable[[], None] | None = None,
) -> dict[str, Outcome]:
    """Execute stages in order, by default all.

    Parameters
    ----------
    ctx : Context
    resume : bool, default False
        Keep the stages that are done and complete, and whose inputs have not changed: the keys of the configuration
        that they read, the pinned input files, and the output of other stages.
    notify : callable
        Called with `("start" | "done" | "skip" | "fail", stage, outcome)`; first for all stages that are kept.
    stages : sequence of str, optional
        Stages that follow each other; by default all of the pipeline.
    prepare : callable, optional
        As for `run_stage`.

    Returns
    -------
    dict of str to Outcome

    Raises
    ------
    SteelyardError
        The first failure, after the report has been written.
    """
    stages = stages_of(ctx.config) if stages is None else stages
    kept = {stage: outcome for stage, outcome in _kept(ctx).items() if stage in stages} if resume else {}
    ctx._due = [stage for stage in stages if stage not in kept]
    deleted = dependents(ctx._due, ctx.config)
    _check(ctx, deleted)
    if prepare is not None:
        prepare()
    others = set(ALL_STAGES) - set(stages_of(ctx.config))  # of sections that the YAML has no more
    ctx.run.void([*deleted, *others])
    for stage, outcome in kept.items():
        notify("skip", stage, outcome)
    outcomes = dict(kept)
    for stage in ctx._due:
        notify("start", stage, None)
        try:
            outcomes[stage] = _execute(ctx, stage)
        except SteelyardError:
            notify("fail", stage, ctx.run.outcome(stage))
            _report_failure(ctx, stage)
            raise
        notify("done", stage, outcomes[stage])
    return {stage: outcomes[stage] for stage in stages}


def _kept(ctx: Context) -> dict[str, Outcome]:
    """Return the outcomes of the stages that are kept."""
    stages = stages_of(ctx.config)
    found = {stage: outcome for stage in stages if (outcome := ctx.run.outcome(stage)) is not None and outcome.done}
    other = outdated(ctx.run)
    if other is not None:
        ctx.warn(f"{_by_another_version(ctx.run, other)}: continuing from {other.stage}")
    asked = {
        stage: outcome
        for stage, outcome in found.items()
        if (outcome.format, outcome.fingerprint) == (format_of(stage), fingerprint(stage, ctx.config))
    }
    whole = {stage: outcome for stage, outcome in asked.items() if ctx.run.is_whole(outcome)}
    if "profile" in whole and _input_changed(ctx):
        del whole["profile"]
    due = dependents([stage for stage in stages if stage not in whole], ctx.config)
    return {stage: outcome for stage, outcome in whole.items() if stage not in due}


def outdated(run: RunDir) -> Outcome | None:
    """Return the outcome of the first stage that was done in another format than it has now, None if there is none."""
    done = (o for stage in ALL_STAGES if (o := run.outcome(stage)) is not None and o.done)
    return next((o for o in done if o.format != format_of(o.stage)), None)


def refuse_outdated(run: RunDir, stage: str) -> None:
    """Raise `InputError` if a stage before this one was done in a format that this version doesn't go on with."""
    other = outdated(run)
    if other is not None and ALL_STAGES.index(other.stage) < ALL_STAGES.index(stage):
        raise InputError(
            f"{_by_another_version(run, other)}: run stage {other.stage} with this pipeline first, then those after "
            "it, or give --run-dir to continue the run as it is"
        )


def _by_another_version(run: RunDir, outcome: Outcome) -> str:
    return f"{run.location} was made by steelyard {outcome.version}; stage {outcome.stage} has changed since"


def void_changed(run: RunDir, config: PipelineConfig) -> None:
    """Delete the outcomes that a changed configuration concerns."""
    outcomes = {stage: outcome for stage in ALL_STAGES if (outcome := run.outcome(stage)) is not None}
    run.void(dependents([s for s, of in outcomes.items() if of.fingerprint != fingerprint(s, config)], config))


def _report_failure(ctx: Context, stage: str) -> None:
    """Write the report of a run that failed before its report; the failure itself is what the user must see."""
    if ALL_STAGES.index(stage) >= ALL_STAGES.index("report"):
        return
    try:
        _execute(ctx, "report")
    except SteelyardError as error:
        ctx.warn(f"the report could not be written either: {error}")


def _check(ctx: Context, due: Sequence[str]) -> None:
    """Check a configuration against the table that `profile` has pinned, before outcomes of stages are deleted.

    Where no stage is done, the stage that is not possible records that itself, as does one that reads damaged files.
    """
    lost = {stage for stage in due if (found := ctx.run.outcome(stage)) is not None and found.done}
    if not lost - {"report", "gate", "promote"}:  # these judge what there is
        return
    read = {stage for stage in ("profile", "split") if stage not in due and _is_readable(ctx.run, stage)}
    if "profile" in read:
        from steelyard.stages._check import check_due

        check_due(ctx, due, has_split="split" in read)


def _is_readable(run: RunDir, stage: str) -> bool:
    outcome = run.outcome(stage)
    return outcome is not None and outcome.done and outcome.format == format_of(stage) and run.is_whole(outcome)


def _input_changed(ctx: Context) -> bool:
    """Whether `profile` must read the input again: its files have changed, or a guard has refused the run's copy of it.

    Nothing says whether the source of a copy has changed. With the same configuration, the guard would refuse the same
    copy again.
    """
    from steelyard.stages._source import input_changed

    why = input_changed(ctx)
    if why is None and ctx.read("profile", "input.json")["snapshot"] is not None:
        of_table = {stage: ctx.run.outcome(stage) for stage in ("guard_raw", "guard_split")}
        refusals = [
            s for s, o in of_table.items() if o and o.kind == "guard" and o.fingerprint == fingerprint(s, ctx.config)
        ]
        why = f"{refusals[0]} has refused the copy of the input" if refusals else None
    if why:
        ctx.warn(f"{why}; continuing from profile")
    return bool(why)

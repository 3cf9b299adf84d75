"""The command that deletes old runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from steelyard.cli._run import Json
from steelyard.errors import EngineError, InputError, SteelyardError

if TYPE_CHECKING:
    from steelyard.stages.commands.retention import Judged


def gc(
    store: Annotated[str, typer.Argument(metavar="STORE", help="Where runs are stored: a folder or a URI.")],
    keep: Annotated[int | None, typer.Option("--keep", help="Keep this number of runs per pipeline.")] = None,
    days: Annotated[float | None, typer.Option("--days", help="Keep runs that ended in the last N days.")] = None,
    pipeline: Annotated[str | None, typer.Option("--pipeline", help="Delete only runs of this pipeline.")] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Also delete runs that have not ended; only while nothing is running.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete. [default: only list]")] = False,
    json: Json = False,
) -> int:
    """Delete old runs, with --yes; otherwise only list them.

    Runs in progress, in use, or referred to are kept.
    """
    from steelyard.cli._output import print_json
    from steelyard.stages.commands.retention import judge
    from steelyard.store import Store

    if (keep is not None and keep < 0) or (days is not None and not 0 <= days < 1e6):
        raise InputError(f"--keep and --days are numbers from 0 on. Got {keep if keep and keep < 0 else days} instead.")
    judged = judge(Store(store), keep=keep, days=days, pipeline=pipeline, unfinished=unfinished)
    failed: dict[str, str] = {}
    gone = [run for run in judged if run.kept is None and (not yes or _removed(run, failed))]
    if json:
        print_json({"deleted": yes, "runs": [_described(run, gone, failed) for run in judged]})
    else:
        _show(judged, gone, failed, yes)
    return EngineError.exit_code if failed else 0


def _removed(run: Judged, failed: dict[str, str]) -> bool:
    """Delete a run; a failure is recorded, so that the other runs are still deleted."""
    from steelyard.stages.commands.retention import remove

    try:
        return remove(run)
    except (OSError, SteelyardError) as error:
        failed[run.run.location] = f"it can't be deleted: {error}"
        return False


def _why(run: Judged, failed: dict[str, str]) -> str:
    return run.kept or failed.get(run.run.location) or "taken up again"


def _described(run: Judged, gone: list[Judged], failed: dict[str, str]) -> dict[str, str | None]:
    kept = None if run in gone else _why(run, failed)
    return {"pipeline": run.pipeline, "run_id": run.run_id, "ended": run.ended, "kept": kept}


def _show(judged: list[Judged], gone: list[Judged], failed: dict[str, str], yes: bool) -> None:
    for run in gone:
        ended = f"ended {run.ended[:10]}" if run.ended else "without an end"
        typer.echo(f"{'deleted' if yes else 'would go'}  {run.run.location}  ({ended})")
    for run in judged:
        if run.strange or run.run.location in failed:
            typer.echo(f"left alone  {run.run.location}  ({_why(run, failed)})")
    others = (run for run in judged if run not in gone and not run.strange and run.run.location not in failed)
    stay = Counter((run.pipeline, _why(run, failed)) for run in others)
    for (pipeline, reason), count in sorted(stay.items()):
        typer.echo(f"stay      {pipeline}: {count} ({reason})")
    if gone and not yes:
        typer.echo(f"{len(gone)} of {len(judged)} runs would go; --yes deletes them")

"""The command that deletes old runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from steelyard.cli._run import Json
from steelyard.errors import InputError

if TYPE_CHECKING:
    from steelyard.stages._retention import Judged


def gc(
    store: Annotated[str, typer.Argument(metavar="STORE", help="Where runs are kept: a folder or a URI.")],
    keep: Annotated[int | None, typer.Option("--keep", help="So many runs of each pipeline stay.")] = None,
    days: Annotated[float | None, typer.Option("--days", help="Runs stay that ended within so many days.")] = None,
    pipeline: Annotated[str | None, typer.Option("--pipeline", help="Only runs of this pipeline may go.")] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Runs without an end may go too: only while nothing is running.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete. [default: show what would be deleted]")] = False,
    json: Json = False,
) -> int:
    """Delete old runs, but none that is in progress, used, or referred to; without --yes only show which."""
    from steelyard.cli._output import print_json
    from steelyard.stages._retention import judge, remove
    from steelyard.store import Store

    if (keep is not None and keep < 0) or (days is not None and not 0 <= days < 1e6):
        raise InputError(f"--keep and --days are numbers from 0 on. Got {keep if keep and keep < 0 else days} instead.")
    judged = judge(Store(store), keep=keep, days=days, pipeline=pipeline, unfinished=unfinished)
    gone = [run for run in judged if run.kept is None and (not yes or remove(run))]
    if json:
        print_json({"deleted": yes, "runs": [_described(run, gone, yes) for run in judged]})
    else:
        _show(judged, gone, yes)
    return 0


def _described(run: Judged, gone: list[Judged], yes: bool) -> dict[str, str | None]:
    kept = run.kept if run.kept or run in gone else "taken up again"
    return {"pipeline": run.pipeline, "run_id": run.run_id, "ended": run.ended, "kept": kept}


def _show(judged: list[Judged], gone: list[Judged], yes: bool) -> None:
    for run in gone:
        ended = f"ended {run.ended[:10]}" if run.ended else "without an end"
        typer.echo(f"{'deleted' if yes else 'would go'}  {run.run.location}  ({ended})")
    stay = Counter((run.pipeline, run.kept or "taken up again") for run in judged if run not in gone)
    for (pipeline, reason), count in sorted(stay.items()):
        typer.echo(f"stay      {pipeline}: {count} ({reason})")
    if gone and not yes:
        typer.echo(f"{len(gone)} of {len(judged)} runs would go; --yes deletes them")

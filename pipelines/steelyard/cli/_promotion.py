"""The commands that change which run is current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from steelyard.cli._run import Json

if TYPE_CHECKING:
    from steelyard.store.promotions import Promotion

Reason = Annotated[str, typer.Option("--reason", help="Why, for the history.")]


def promote(
    run_dir: Annotated[str, typer.Argument(metavar="RUN_DIR", help="The run that becomes current.")],
    reason: Reason,
    json: Json = False,
) -> None:
    """Make a run current: `score` and the scoring DAG take its model."""
    from steelyard.stages.commands.promotion import promote_run

    made, notes = promote_run(run_dir, reason)
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    _show(made, json)


def rollback(
    pipeline: Annotated[str, typer.Argument(metavar="STORE/NAME", help="The folder of a pipeline's runs.")],
    reason: Reason,
    json: Json = False,
) -> None:
    """Make the run current again that was current before."""
    from steelyard.stages.commands.promotion import rollback as go_back

    _show(go_back(pipeline, reason), json)


def _show(made: Promotion, json: bool) -> None:
    from steelyard.cli._output import answer

    words = f"run {made.run_id} is current" + (f", instead of {made.replaces}" if made.replaces else "")
    answer(json, dict(made.__dict__), typer.echo, words)

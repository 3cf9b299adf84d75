"""The command that shows why a model decides as it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from steelyard.cli._run import Json
from steelyard.cli._session import command_session
from steelyard.cli._table_options import Format, Missing, Options, RunDirectory, reading, show_note
from steelyard.errors import InputError

_SHOWN = 10


def explain(
    run_dir: RunDirectory,
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="New rows. [default: what stage explain has found]")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", help="The folder or URI for the explained rows.")] = None,
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier rows in --out.")] = False,
    json: Json = False,
) -> None:
    """Show what a model depends on, or explain scores of new rows.

    Without DATA, shows importances and weak slices, which the stage explain has found on the test rows. With DATA,
    writes Parquet to OUT: key, score, decision, margin, bias, and the contribution of each feature to the margin.
    """
    from steelyard.cli._output import answer

    if data is None:
        answer(json, found := _found(run_dir), _show, found)
        return
    if out is None:
        raise InputError("explaining new rows needs --out")
    from steelyard.cli._tables import show_scoring
    from steelyard.config import SparkConfig, known_format
    from steelyard.stages.commands.check import check_path
    from steelyard.stages.commands.score import check_scorable, score_table
    from steelyard.stages.commands.session import is_small

    form = known_format(form, "--format")
    check_scorable(run_dir, contributions=True)
    check_path(data, SparkConfig(), "DATA")
    session = command_session(SparkConfig(), small=is_small(data))
    how = {"overwrite": overwrite, "contributions": True, "warn": show_note, **reading(options, missing)}
    written = score_table(session, run_dir, data, out, form, **how)
    answer(json, written, show_scoring, written)


def _found(run_dir: str) -> dict[str, Any]:
    from steelyard.stages.commands.current import find_run

    run = find_run(run_dir)
    if run.outcome("explain") is None:
        raise InputError(
            f"{run.location} has no stage explain: add the section `explain: {{}}` to the YAML and run it again with "
            "--resume, or name new rows and --out"
        )
    files = run.published("explain")
    found: dict[str, Any] = files.read_json(f"explain/{files.attempt}/explanation.json")
    return found | {"mistakes_file": files.uri(f"explain/{files.attempt}/mistakes.json")}


def _show(found: Mapping[str, Any]) -> None:
    importances = found["importances"]
    if importances["method"] is None:
        typer.echo(importances.get("note", "there are no importances"))
    else:
        typer.echo(f"importances ({importances['method']}), of {len(importances['features'])} features:")
    for of in importances["features"][:_SHOWN]:
        low, high = of["ci95"] or (float("nan"),) * 2
        typer.echo(f"  {of['feature']:<30} {of['value']:.4g}  ({low:.4g} to {high:.4g})")
    stable = found.get("stability")  # earlier versions have none
    if stable is not None:
        _show_stability(stable)
    typer.echo("decisions are significantly worse where:" if found["slices"] else "no weak slice was found")
    for of in found["slices"]:
        typer.echo(f"  {of['slice']}: error {of['error']:.3g}, {of['rows']:,} rows")
    wrong, file = found["mistakes"], found["mistakes_file"]
    if wrong is None:
        typer.echo("single rows are explained for two classes, and with explain.rows above 0")
    else:
        typer.echo(f"{wrong['missed']} missed positives and {wrong['false_alarm']} false alarms are in {file}")


def _show_stability(found: Mapping[str, Any]) -> None:
    if found["features"] is None:
        typer.echo(f"stability: {found['note']}")
        return
    typer.echo(f"over {found['folds']} folds: mean (minimum to maximum), and how often among the top {found['top']}:")
    for of in found["features"][:_SHOWN]:
        typer.echo(f"  {of['feature']:<30} {of['mean']:.4g}  ({of['min']:.4g} to {of['max']:.4g})  {of['in_top']}")

"""Commands about guards."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from steelyard.cli._table_options import (
    Data,
    Exclude,
    Format,
    Key,
    Label,
    Missing,
    Options,
    Positive,
    reading,
    session_of,
    show_note,
)

app = typer.Typer(help="Suites of expectations for a table.", rich_markup_mode=None)


@app.callback()
def _guard() -> None:
    """Suites of expectations for a table."""  # with a callback, a lone command keeps its name


@app.command()
def suggest(
    data: Data,
    label: Label,
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    key: Key = None,
    exclude: Exclude = None,
    positive: Positive = None,
    out: Annotated[str | None, typer.Option("--out", help="A new file. [default: print the suite]")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document: the suite, or with --out its place.")
    ] = False,
) -> None:
    """Write a first suite for a table, from its profile.

    The table passes the suite. Name its file under guards.raw of a pipeline.
    """
    from steelyard.cli._output import answer, print_json
    from steelyard.guards import suggest_suite
    from steelyard.stages.commands.tables import bare_table, new_file, profile_table

    roles: dict[str, Any] = {"label": label, "key": key, "exclude": exclude, "positive": positive}
    config = bare_table(data, form, **roles, **reading(options, missing))
    file = new_file(out) if out is not None else None
    suite = suggest_suite(profile_table(session_of(config), config, show_note))
    if file is None:
        print_json(suite)
        return
    folder, name = file
    folder.write_json(name, suite)
    message = f"{len(suite['expectations'])} expectations → {out}; name it under guards.raw of a pipeline"
    answer(json, {"suite": out}, typer.echo, message)

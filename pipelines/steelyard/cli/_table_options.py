"""Options of commands on tables, and how they become a configuration and a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli._session import command_session
from steelyard.errors import InputError
from steelyard.labels import by_class

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from steelyard.config import PipelineConfig

RunDirectory = Annotated[
    str, typer.Argument(metavar="RUN_DIR", help="A run directory, or STORE/<name>: the pipeline's current run.")
]
Label = Annotated[str, typer.Option("--label", help="The label column.")]
Data = Annotated[str, typer.Argument(metavar="DATA", help="A file, folder, glob or URI that Spark reads.")]
Format = Annotated[str | None, typer.Option("--format", help="[default: by the file endings, else parquet]")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=value", help="An option of Spark's reader, such as sep=;. Repeatable."),
]
Missing = Annotated[
    list[str] | None,
    typer.Option(
        "--missing",
        help="A CSV value that means missing; repeatable. [default: empty, NA, NaN, null, ?; in text: empty]",
    ),
]
Key = Annotated[list[str] | None, typer.Option("--key", help="A column that identifies a row; repeatable.")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="A column that is not a feature; repeatable.")]
NoIdentity = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="A column that does not identify rows (without --key); repeatable."),
]
Positive = Annotated[str | None, typer.Option("--positive", help="The positive class. [default: the rarer of two]")]
Out = Annotated[str, typer.Option("--out", help="A new folder or URI.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same rows.")]


def show_note(message: str) -> None:
    """Show a note on stderr."""
    from steelyard.config import as_options

    typer.echo(f"note: {as_options(message)}", err=True)


def reading(options: list[str] | None, missing: list[str] | None) -> dict[str, Any]:
    """Return how a table is read, as keys of the section `data`."""
    from steelyard.config import named_values

    return {"options": named_values(options, "--option"), "missing": missing}


def session_of(config: PipelineConfig, out: str | None = None) -> SparkSession:
    """Return a session for a command on a table, after a check of its paths: Java starts slowly."""
    from steelyard.stages.commands.check import check_paths
    from steelyard.stages.commands.session import is_small
    from steelyard.stages.commands.tables import free

    if out is not None:
        free(out)
    check_paths(config, "DATA")
    return command_session(config.spark, small=is_small(config.data.path))


def parse_params(pairs: list[str] | None, option: str = "--param") -> dict[str, Any]:
    """Return `NAME=value` pairs, the values read as YAML."""
    from steelyard.config import named_values, parse_yaml

    parsed: dict[str, Any] = {}
    for name, value in named_values(pairs, option).items():
        try:
            found = parse_yaml(value, option, plain=True)
        except InputError:
            raise InputError(f"{option} {name}: the value is not valid YAML: {value[:80]}") from None
        parsed[name] = by_class(found) if isinstance(found, dict) else found  # `1.0` is class 1, as in a table
    return parsed

"""The entry point of the command line: its commands, and how errors are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import TyperException

from steelyard import __version__
from steelyard.cli import _data, _doctor, _explain, _gc, _guard, _new_rows, _promotion, _run
from steelyard.cli._session import came, interrupt_again, was_interrupted
from steelyard.errors import INTERRUPTED, InterruptedRunError, SteelyardError, short, translated

app = typer.Typer(
    name="steelyard",
    help="Class-imbalance pipelines on Apache Spark. --debug, anywhere on the line, shows the traceback of an error.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"steelyard {__version__}")
        raise typer.Exit


_ON_TABLES = ("profile", "split", "resample", "evaluate", "score", "monitor", "guard")  # commands without a pipeline
_COMMANDS: tuple[Callable[..., int | None], ...] = (
    _run.demo,
    _run.run,
    _run.stage,
    _run.compare,
    _data.profile,
    _data.split,
    _data.resample,
    _data.evaluate,
    _new_rows.score,
    _new_rows.monitor,
    _explain.explain,
    _run.report,
    _promotion.promote,
    _promotion.rollback,
    _gc.gc,
    _doctor.schema,
    _doctor.doctor,
)
for command in _COMMANDS:
    app.command()(command)
app.add_typer(_guard.app, name="guard")


def main() -> None:
    """Run the command line; exit with 0, or 1 (guard or gate), 2 (input), 3 (engine), 130 (interrupted)."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"] or ["--help"]
    _print_any_text()
    sys.unraisablehook = interrupt_again
    came.clear()  # programs may call this more than once
    try:
        code = app(arguments, standalone_mode=False, prog_name="steelyard")
        if code == INTERRUPTED:  # the command parser's code for an interrupt
            _fail(arguments, "interrupt", "interrupted", INTERRUPTED)
    except (typer.Abort, KeyboardInterrupt):
        code = _fail(arguments, "interrupt", "interrupted", INTERRUPTED)
    except TyperException as error:
        asked = getattr(getattr(error, "ctx", None), "command_path", "steelyard")
        code = _fail(arguments, "input", short(f"{error.format_message()} See {asked} --help."), 2)
    except Exception as error:  # unforeseen errors
        if debug:
            raise
        known, foreseen = _known(error)
        hint = "" if foreseen or known.kind != "engine" else " (--debug shows the traceback)"
        code = _fail(arguments, known.kind, f"{short(str(known))}{hint}", known.exit_code)
    sys.exit(int(code or 0))


def _known(error: Exception) -> tuple[SteelyardError, bool]:
    """Return the error to show for a failure, and whether it was foreseen."""
    if was_interrupted() and not isinstance(error, InterruptedRunError):
        return InterruptedRunError("interrupted"), True
    if isinstance(error, SteelyardError):
        return error, True
    return translated(error, "the command"), False


def _print_any_text() -> None:
    """Print an escape for each character that the terminal cannot encode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(arguments: list[str], kind: str, message: str, code: int) -> int:
    if arguments[0] in _ON_TABLES:
        from steelyard.config import as_options

        message = as_options(message)
    if "--json" in arguments:
        from steelyard.cli._output import print_json

        print_json({"status": "failed", "kind": kind, "message": message})
    else:
        typer.echo(message if kind == "interrupt" else f"error: {message}", err=True)
    return code

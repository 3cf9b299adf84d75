"""Commands on new rows with the model of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from steelyard.cli._run import Json
from steelyard.cli._session import command_session
from steelyard.cli._table_options import Data, Format, Missing, Options, RunDirectory, reading, show_note


def score(
    run_dir: RunDirectory,
    data: Data,
    out: Annotated[str, typer.Option("--out", help="The folder or URI for the scores.")],
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier scores in --out.")] = False,
    json: Json = False,
) -> None:
    """Score new rows with the model of a run.

    The rows need the features of the model, but no label. Writes Parquet to OUT: key, label, group and time if the
    table has them (without a key, all columns), score and decision. OUT/_scores.json is written last. The current
    run of a pipeline is the one promoted last, otherwise that of the latest data whose gate has passed.
    """
    from steelyard.cli._output import answer
    from steelyard.cli._tables import show_scoring
    from steelyard.config import SparkConfig, known_format
    from steelyard.stages.commands.check import check_path
    from steelyard.stages.commands.score import check_scorable, score_table
    from steelyard.stages.commands.session import is_small

    form = known_format(form, "--format")
    check_scorable(run_dir)
    check_path(data, SparkConfig(), "DATA")
    session = command_session(SparkConfig(), small=is_small(data))
    how = {"overwrite": overwrite, "warn": show_note, **reading(options, missing)}
    written = score_table(session, run_dir, data, out, form, **how)
    answer(json, written, show_scoring, written)


def monitor(
    run_dir: RunDirectory,
    data: Data,
    out: Annotated[str, typer.Option("--out", help="The folder or URI for monitor.json.")],
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="TABLE", help="Key and label of some of the rows.")
    ] = None,
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    width: Annotated[
        float, typer.Option("--width", help="Wanted length of the prevalence's 95 % interval, as a share of it.")
    ] = 0.5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace monitor.json in --out.")] = False,
    json: Json = False,
) -> int:
    """Compare new rows with a run, before their labels are known.

    Writes OUT/monitor.json: drift of scores and features, the share of the positive class among the new rows, and the
    performance that follows. Exits with 1 if a change exceeds a limit of the pipeline's section monitor. With --labels,
    also estimates from these labels, and how many more are needed in which range of scores.
    """
    from steelyard.cli._monitor import show_monitoring
    from steelyard.cli._output import answer
    from steelyard.config import SparkConfig, known_format
    from steelyard.errors import GuardError
    from steelyard.stages.commands.check import check_path
    from steelyard.stages.commands.monitor import check_monitored, monitor_table
    from steelyard.stages.commands.session import is_small

    form = known_format(form, "--format")
    check_monitored(run_dir, labels)
    for path, option in ((data, "DATA"), (labels, "--labels")):
        if path is not None:
            check_path(path, SparkConfig(), option)
    session = command_session(SparkConfig(), small=is_small(data))
    how = {"labels": labels, "width": width, "overwrite": overwrite, "warn": show_note, **reading(options, missing)}
    found = monitor_table(session, run_dir, data, out, form, **how)
    answer(json, found, show_monitoring, found)
    return GuardError.exit_code if found["alerts"] else 0

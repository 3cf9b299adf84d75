"""Commands on a table or on scores, without a pipeline or a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli._run import Json
from steelyard.cli._table_options import (
    Data,
    Exclude,
    Format,
    Key,
    Label,
    Missing,
    NoIdentity,
    Options,
    Out,
    Positive,
    Seed,
    parse_params,
    reading,
    session_of,
    show_note,
)
from steelyard.errors import InputError, closest

if TYPE_CHECKING:
    from steelyard.splitting import FoldPlan, SplitPlan

_MISTAKES = ("false_negative", "false_positive")


def profile(
    data: Data,
    label: Label,
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    key: Key = None,
    exclude: Exclude = None,
    positive: Positive = None,
    json: Json = False,
) -> None:
    """Count the classes of a table and describe its features."""
    from steelyard.cli._output import answer
    from steelyard.cli._tables import show_profile
    from steelyard.stages.commands.tables import bare_table, profile_table

    roles: dict[str, Any] = {"label": label, "key": key, "exclude": exclude, "positive": positive}
    config = bare_table(data, form, **roles, **reading(options, missing))
    statistics = profile_table(session_of(config), config, show_note)
    answer(json, statistics, show_profile, statistics)


def split(
    data: Data,
    label: Label,
    out: Out,
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    key: Key = None,
    exclude: NoIdentity = None,
    method: Annotated[str, typer.Option("--method", help="stratified, group or temporal")] = "stratified",
    group: Annotated[str | None, typer.Option("--group", help="A column of groups that stay together.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="The time column of a temporal split.")] = None,
    gap: Annotated[str | None, typer.Option("--gap", help="Time left out before each cut, such as 7d.")] = None,
    validation: Annotated[float | None, typer.Option("--validation", help="Share of rows. [default: 0.1]")] = None,
    test: Annotated[float | None, typer.Option("--test", help="Share of rows. [default: 0.2]")] = None,
    folds: Annotated[
        int | None,
        typer.Option("--folds", min=2, max=1000, help="Write a column fold for cross-validation instead of splits."),
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Split a table with exact counts, or add a column of folds.

    Writes OUT/data/split=train|validation|test and OUT/plan.json. With --folds K, OUT/data has all rows and a
    column fold from 0 to K-1. With --method temporal, it has blocks 0 to K: fold i is tested on block i and trained
    on the blocks before it.
    """
    from steelyard.cli._output import answer
    from steelyard.cli._tables import show_split_plan
    from steelyard.stages.commands.tables import bare_table, fold_table, split_table

    if folds is not None and (validation is not None or test is not None):
        raise InputError("--folds divides all rows evenly; leave out --validation and --test")
    given = {"validation": validation, "test": test, "gap": gap}
    wanted = {"method": method, "seed": seed, **{k: v for k, v in given.items() if v is not None}}
    roles: dict[str, Any] = {"label": label, "key": key, "exclude": exclude, "group": group, "time": time}
    config = bare_table(data, form, {"split": wanted}, **roles, **reading(options, missing))
    plan: SplitPlan | FoldPlan
    if folds is None:
        plan = split_table(session_of(config, out), config, out, show_note)
    else:
        plan = fold_table(session_of(config, out), config, folds, out, show_note)
    answer(json, plan.to_json(), show_split_plan, plan, out)


def resample(
    data: Data,
    label: Label,
    out: Out,
    method: Annotated[
        str,
        typer.Option("--method", help="A sampler's name, such as smote, or auto: the recommended one."),
    ],
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    key: Key = None,
    exclude: Exclude = None,
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=value", help="A parameter of the sampler, in YAML.")
    ] = None,
    json: Json = False,
) -> None:
    """Resample a table of training rows to exact counts.

    Writes OUT/data and OUT/plan.json.
    """
    from steelyard.classifier import check_resampling
    from steelyard.cli._output import answer
    from steelyard.cli._tables import show_sampling_plan
    from steelyard.stages.commands.tables import bare_table, resample_table

    wanted = {"method": method, **parse_params(params)}
    roles: dict[str, Any] = {"label": label, "key": key, "exclude": exclude}
    config = bare_table(data, form, {"resample": wanted}, **roles, **reading(options, missing))
    check_resampling(config.resample)
    plan = resample_table(session_of(config, out), config, out, show_note)
    answer(json, plan.to_json(), show_sampling_plan, plan, out)


def evaluate(
    scores: Annotated[str, typer.Argument(metavar="SCORES", help="A table with a label and a score.")],
    label: Label,
    score: Annotated[str, typer.Option("--score", help="The column of scores: a number, or a map of class to number.")],
    form: Format = None,
    options: Options = None,
    missing: Missing = None,
    exclude: NoIdentity = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", help="The positive class. [default: 1 of 0/1, true of booleans, else the rarer]"),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Rows with at least this score are alarms. [default: 0.5]")
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="Intervals resample the groups of this column.")] = None,
    weight: Annotated[str | None, typer.Option("--weight", help="A column of row weights.")] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            "--cost", metavar="MISTAKE=value", help="false_negative=… or false_positive=…: a column or a number."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Compute metrics, with intervals, for scores of any model."""
    from steelyard.cli._output import answer
    from steelyard.cli._summary import show_scores
    from steelyard.stages.commands.tables import bare_table, evaluate_table

    costs = parse_params(cost, "--cost")
    for name in costs:
        if name not in _MISTAKES:
            hint = closest(name, _MISTAKES)
            raise InputError(f"--cost must be false_negative=… or false_positive=…. Got {name!r} instead.{hint}")
    roles: dict[str, Any] = {"label": label, "exclude": exclude, "positive": positive, "weight": weight, "cost": costs}
    config = bare_table(scores, form, **roles, **reading(options, missing))
    document = evaluate_table(session_of(config), config, score, threshold, group, show_note)
    answer(json, document, show_scores, document)

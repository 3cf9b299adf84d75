"""Commands on a bare table or on scores, without a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli._run import Json
from steelyard.cli._session import command_session
from steelyard.errors import InputError, closest
from steelyard.labels import class_name

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from steelyard.config import PipelineConfig
    from steelyard.splitting import FoldPlan, SplitPlan

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
_MISTAKES = ("false_negative", "false_positive")
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


def parse_params(pairs: list[str] | None, option: str = "--param") -> dict[str, Any]:
    """Return `NAME=value` pairs, the values read as YAML."""
    from steelyard.config import named_values, parse_yaml

    parsed: dict[str, Any] = {}
    for name, value in named_values(pairs, option).items():
        try:
            parsed[name] = _by_class(parse_yaml(value, option, plain=True))
        except InputError:
            raise InputError(f"{option} {name}: the value is not valid YAML: {value[:80]}") from None
    return parsed


def _by_class(value: Any) -> Any:
    """Return a map with its keys in the string form of classes: `1.0` is class 1, as in a table."""
    return {class_name(k): v for k, v in value.items()} if isinstance(value, dict) else value


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


def score(
    run_dir: Annotated[
        str, typer.Argument(metavar="RUN_DIR", help="A run directory, or STORE/<name>: the pipeline's current run.")
    ],
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
    run of a pipeline is the run with the latest data whose gate has passed.
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
    run_dir: Annotated[
        str, typer.Argument(metavar="RUN_DIR", help="A run directory, or STORE/<name>: the pipeline's current run.")
    ],
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

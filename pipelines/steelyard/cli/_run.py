"""Commands that run a pipeline or single stages."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli._session import command_session, was_interrupted
from steelyard.errors import InterruptedRunError, SteelyardError

if TYPE_CHECKING:
    from steelyard.config import PipelineConfig
    from steelyard.stages import Context
    from steelyard.store import RunDir, Store

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Where runs are stored: a folder or a URI. [default: $STEELYARD_STORE or ./runs]"),
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="a.b=c", help="Override a value of the YAML; repeatable.")
]
Variables = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=value", help="The value of ${NAME}; repeatable.")
]


_COMPARING = ("profile", "guard_raw", "split", "compare")
"""The stages of the command `compare`. `guard_split` judges validation and test rows, which it does not read."""


def store_at(location: str | None) -> Store:
    """Return the store that the option, the environment or the default names."""
    from steelyard.store import Store

    return Store(location or os.environ.get("STEELYARD_STORE") or "runs")


def run(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE.yaml", help="A path, a URI, or JSON text.")],
    store: StoreOption = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="[default: the time and four random digits]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run: skip stages that are complete.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete the run of this id first.")] = False,
    sets: Sets = None,
    variables: Variables = None,
    json: Json = False,
) -> int:
    """Run a whole pipeline, from the table to report and gate."""
    from steelyard.config import load, named_values

    given = named_values(variables, "--var")
    config = load(pipeline, sets or (), given)
    return execute(config, store_at(store), run_id, given, resume=resume, overwrite=overwrite, json=json)


def execute(
    config: PipelineConfig,
    store: Store,
    run_id: str | None,
    variables: dict[str, str],
    *,
    resume: bool = False,
    overwrite: bool = False,
    json: bool = False,
    stages: Sequence[str] | None = None,
) -> int:
    """Run stages of a checked configuration, by default all; show the result, and return the exit code."""
    from steelyard.cli._output import console
    from steelyard.cli._progress import Progress
    from steelyard.cli._summary import show_run
    from steelyard.stages import logs_as_asked, run_pipeline, stages_of, start_run
    from steelyard.stages.commands.check import check, check_paths

    check(config)
    check_paths(config)
    progress = Progress(stages or stages_of(config), quiet=logs_as_asked() or json)
    directory = start_run(store, config, run_id, variables, resume=resume, overwrite=overwrite)
    if not json:
        console(err=True).print(f"{config.name} → {directory.location}", markup=False)
    failure: SteelyardError | None = None
    try:
        run_pipeline(local_context(directory, config, progress.warn), resume=resume, notify=progress, stages=stages)
    except (KeyboardInterrupt, SteelyardError) as error:
        if isinstance(error, KeyboardInterrupt) or was_interrupted():
            raise InterruptedRunError(f"interrupted; {_how_to_go_on(directory)}") from None
        if "--debug" in sys.argv:
            raise
        failure = error
    show_run(directory, failure, json=json)
    return failure.exit_code if failure else 0


def compare(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE.yaml", help="A path, a URI, or JSON text.")],
    store: StoreOption = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="[default: the time and four random digits]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a comparison that was interrupted.")] = False,
    sets: Sets = None,
    variables: Variables = None,
    json: Json = False,
) -> int:
    """Compare recipes on the same folds, and say which one to take."""
    from steelyard.config import CompareConfig, load, named_values

    given = named_values(variables, "--var")
    config = load(pipeline, sets or (), given)
    if config.compare is None:
        config = config.model_copy(update={"compare": CompareConfig()})
    return execute(config, store_at(store), run_id, given, resume=resume, json=json, stages=_COMPARING)


def _how_to_go_on(directory: RunDir) -> str:
    """Return the command that continues the run of this command line, as a sentence."""
    words = [w for w in sys.argv[1:] if w not in ("--overwrite", "--resume", "--debug")]
    if words[:1] not in (["run"], ["compare"]):
        return f"completed stages are in {directory.location}"
    run_id = directory.location.rpartition("/")[2]
    words += [] if any(w.split("=")[0] == "--run-id" for w in words) else ["--run-id", run_id]
    return f"{shlex.join(['steelyard', *words, '--resume'])} continues"


def local_context(directory: RunDir, config: PipelineConfig, warn: Any) -> Context:
    """Return the context of a run in its own Spark session."""
    from steelyard.stages import Context
    from steelyard.stages.commands.session import is_small

    small = is_small(config.data.path)
    return Context(directory, config, lambda: command_session(config.spark, small=small), warn)


def stage(
    name: Annotated[str, typer.Argument(help="One of the stages, such as split.")],
    pipeline: Annotated[str | None, typer.Argument(metavar="[PIPELINE.yaml]")] = None,
    run_id: Annotated[str | None, typer.Option("--run-id", help="The run of the pipeline.")] = None,
    run_dir: Annotated[
        str | None, typer.Option("--run-dir", help="A run directory, instead of pipeline and run id.")
    ] = None,
    store: StoreOption = None,
    sets: Sets = None,
    variables: Variables = None,
    json: Json = False,
) -> None:
    """Execute one stage; deletes the outcomes of later stages."""
    from steelyard.cli._output import print_json
    from steelyard.cli._progress import Progress
    from steelyard.config import named_values
    from steelyard.stages import logs_as_asked, run_stage, stages_of
    from steelyard.stages.commands.submit import locate

    given = named_values(variables, "--var")
    directory, config, adopt = locate(name, pipeline, run_id, run_dir, store_at(store), sets or (), given)
    progress = Progress(stages_of(config), quiet=logs_as_asked() or json)
    progress("start", name, None)
    outcome = run_stage(local_context(directory, config, progress.warn), name, prepare=adopt)
    progress("done", name, outcome)
    if json:
        print_json(directory.read_json(f"stages/{name}.json"))


def report(run_dir: Annotated[str, typer.Argument(help="A run directory.")], json: Json = False) -> None:
    """Write a run's report.html and its model card again."""
    from steelyard.cli._output import answer
    from steelyard.report import build, write_card
    from steelyard.store import open_run

    directory = open_run(run_dir)
    directory.write_text("report.html", build(directory))
    write_card(directory)
    written = directory.uri("report.html")
    answer(json, {"report": written}, typer.echo, written)


def demo(
    rows: Annotated[int, typer.Option(help="Number of card transactions.")] = 500_000,
    fraud_share: Annotated[float, typer.Option("--fraud-share", help="Share of frauds.")] = 0.002,
    missing: Annotated[float, typer.Option(help="Share of missing values.")] = 0.01,
    drift: Annotated[float, typer.Option(help="How much fraud changes over time; 0 is not at all.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 0,
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Make card transactions and run a whole pipeline on them."""
    from steelyard.config import load
    from steelyard.datasets import check_card_transactions, make_card_transactions
    from steelyard.frames.tables import write_parquet
    from steelyard.stages import STAGES
    from steelyard.stages.commands.imports import importing

    place = store_at(store)
    name = f"card_transactions_{rows}_{fraud_share}_{missing}_{drift}_{seed}.parquet"
    path = f"{place.root}/demo_data/{name}"
    config = load(_demo_pipeline(path, seed))
    check_card_transactions(rows, fraud_share, missing, drift)
    if not Path(path, "_SUCCESS").exists():
        if not json:
            typer.echo(f"making {rows:,} card transactions …", err=True)
        with importing(STAGES, config.train.trainer):
            spark = command_session(config.spark, small=rows <= 1_000_000)
        table = make_card_transactions(
            spark, rows=rows, fraud_share=fraud_share, missing=missing, drift=drift, seed=seed
        )
        write_parquet(table, path, mode="overwrite")
    return execute(config, place, None, {}, json=json)


def _demo_pipeline(path: str, seed: int) -> dict[str, Any]:
    cost = {"false_negative": "amount", "false_positive": 5.0}
    roles = {"label": "is_fraud", "positive": 1, "key": "transaction_id", "exclude": ["customer_id", "booked_at"]}
    return {
        "version": 1,
        "name": "demo",
        "data": {"path": path, **roles, "cost": cost},
        "split": {"method": "stratified", "validation": 0.1, "test": 0.2, "seed": seed},
        "resample": {"method": "random_under_sampler", "sampling_strategy": 0.05},
        "train": {"model": "xgboost", "params": {"n_estimators": 200, "max_depth": 6, "learning_rate": 0.1}},
        "decide": {"calibrate": "auto", "threshold": {"minimize": "cost"}},
    }

"""Transfer from another domain: its rows, weighted by a domain classifier, or a model to continue from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame

from steelyard.classifier import DrawnRows
from steelyard.columns import require_columns
from steelyard.config import TrainConfig, TransferConfig, resolve_env
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.learning import Model, Trainer, TrainingRows, get_trainer
from steelyard.splitting import FoldPlan
from steelyard.stages._context import Context, run_config
from steelyard.stages._model import trained_model
from steelyard.stages._source import dataset, rows_of
from steelyard.stages._transfer_rows import joined, joined_in_folds, source_share, unseen, weighted_source
from steelyard.stages._transfer_times import known_at_training
from steelyard.store import open_run

_FOLDER = "source"
_APART = 0.99  # area under the ROC curve of a domain classifier
_SHOWN = 20
FoldChange = Callable[[int, TrainingRows], TrainingRows]


def start_of(how: TransferConfig) -> Model:
    """Return the model of the run that training continues from.

    Raises
    ------
    InputError
        If the source is not a run directory, or has no model.
    """
    try:
        return trained_model(open_run(resolve_env(how.place)))
    except InputError as error:
        raise InputError(f"train.transfer.source: {error}") from None


def check_start(how: TransferConfig, trainer: Trainer, data: Dataset) -> None:
    """Raise `InputError` where the source's model does not fit the table: other features, classes or loss."""
    with _named():
        trainer.check_start(start_of(how), data)


def check_start_model(wanted: TrainConfig) -> None:
    """Raise `InputError` if the source has no model, or one that training cannot continue; needs no Spark."""
    how = wanted.transfer
    if how is not None and not how.takes_rows:
        with _named():
            get_trainer(wanted.trainer, wanted.params, loss=wanted.loss).check_start_model(start_of(how))


def lower_rate(wanted: TrainConfig) -> TrainConfig:
    """Return the section with the learning rate at which a network is fine-tuned; other methods change nothing."""
    how = wanted.transfer
    if how is None or how.method != "fine_tune":
        return wanted
    rate = get_trainer(wanted.model, wanted.params).params["learning_rate"] * how.learning_rate_factor
    return wanted.model_copy(update={"params": {**wanted.params, "learning_rate": rate}})


@contextmanager
def _named() -> Iterator[None]:
    """Begin the message of an `InputError` with the section."""
    try:
        yield
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith("train.transfer") else f"train.transfer: {text}") from None


def transferred(
    ctx: Context, how: TransferConfig, training: TrainingRows, folder: str
) -> tuple[TrainingRows, dict[str, Any], list[str]]:
    """Return what is trained on with transfer, facts about it, and messages for the user.

    Rows of a source are written below `folder`, as they join the training rows.
    """
    facts = {"method": how.method, "source": ctx.hide(how.place)}
    if not how.takes_rows:
        _check_unseen(ctx, how)
        return replace(training, start=start_of(how)), facts, []
    rows, found = weighted_source(ctx, how, f"{folder}/{_FOLDER}")
    both = joined(training, rows, dataset(ctx), dataset(ctx).weight)
    facts |= found | {"share": source_share(both, rows, dataset(ctx))}
    return both, facts, _messages(facts)


def transferred_in_folds(
    ctx: Context, how: TransferConfig, folder: str, drawn: DrawnRows, plan: FoldPlan
) -> FoldChange:
    """Return what each fold model is trained on with transfer; it knows nothing of the rows of its fold.

    Parameters
    ----------
    ctx : Context
    how : TransferConfig
    folder : str
        As for `transferred`, which comes first.
    drawn : DrawnRows
        Of the training rows.
    plan : FoldPlan

    Raises
    ------
    InputError
        If the source's model was trained on training rows, or if this is unknown.
    """
    if how.takes_rows:
        return joined_in_folds(ctx, how, f"{folder}/{_FOLDER}", drawn, plan)
    known = _rows_seen(ctx, how, "train")
    if known:
        raise InputError(
            f"train.transfer.source: its model was trained on {known:,} of the training rows, so that no model of a "
            "fold has not seen them"
        )
    start = start_of(how)
    return lambda _, training: replace(training, start=start)


def _check_unseen(ctx: Context, how: TransferConfig) -> None:
    """Raise `InputError` if the source's model was trained on rows that are in validation or test.

    A source whose table has changed or is gone cannot be checked, with a warning. Where the split is by time, later
    rows are a warning too.
    """
    try:
        seen = _rows_seen(ctx, how, "validation", "test")
    except InputError as error:
        ctx.warn(f"train.transfer.source: whether its model has seen validation or test rows is unknown: {error}")
        return
    if seen:
        raise InputError(
            f"train.transfer.source: its model was trained on {seen:,} rows whose key is in validation or test, so "
            "metrics would be too good; split both by data.group or data.time, or train the source without them"
        )
    _, later = known_at_training(ctx, _rows_trained_on(ctx, how))
    if later:
        ctx.warn(
            f"train.transfer.source: its model was trained on {later:,} rows that are later than the training rows; "
            "metrics may be too good"
        )


def _rows_seen(ctx: Context, how: TransferConfig, *splits: str) -> int:
    """Return how many rows that trained the source's model have the key of a row in some splits: a join of the keys.

    Raises
    ------
    InputError
        If the table of the source has changed, or lacks the key.
    """
    rows, data = _rows_trained_on(ctx, how), dataset(ctx)
    require_columns(rows, [*data.identity, *([data.group] if data.group else [])], "train.transfer.source")
    return rows.count() - unseen(ctx, rows, data, *splits).count()


def _rows_trained_on(ctx: Context, how: TransferConfig) -> DataFrame:
    """Return the training rows of the source's run."""
    run = open_run(resolve_env(how.place))
    return rows_of(Context(run, run_config(run), lambda: ctx.spark), "train")


def _messages(facts: Mapping[str, Any]) -> list[str]:
    head = f"{facts['rows']:,} rows of the source join the training rows, with {facts['share']:.1%} of the weight"
    if facts["dropped"]:
        head += f"; {facts['dropped']:,} are left out: their key is in validation or test"
    if facts.get("later"):
        head += f"; {facts['later']:,} are left out: their times are later than those of the training rows, or null"
    out = facts.get("left_out", [])
    if out:
        shown = ", ".join(out[:_SHOWN]) + (f" and {len(out) - _SHOWN} more" if len(out) > _SHOWN else "")
        head += f"; domain classifiers leave out columns of which source and table share no value: {shown}"
    return [head, *(_of_class(name, of) for name, of in facts["classes"].items())]


def _of_class(name: str, of: Mapping[str, Any]) -> str:
    text = (
        f"class {name}: {of['rows']:,} source rows weigh {of['weight']:,.0f} "
        f"(effective size {of['effective_rows']:,.0f}, {of['clipped']:.0%} clipped)"
    )
    known = of["domain_auc"]
    if known is None:
        return f"{text}; too few rows for a domain classifier"
    text += f", domain AUC {known:.3f}"
    return text + (": hardly any of them is like a row of the table" if known > _APART else "")

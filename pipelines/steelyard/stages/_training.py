"""The rows that a model is trained on, and its training in a run."""

from __future__ import annotations

from typing import NamedTuple

from pyspark.sql import DataFrame

from steelyard.classifier import keeps_half, kept_half
from steelyard.config import Recipe, TrainConfig
from steelyard.learning import Model, TrainingRows, train_model
from steelyard.stages._context import Context
from steelyard.stages._source import dataset, rows_of, sampling_plan, training_rows


class StoppingRows(NamedTuple):
    """Validation rows by which training stops early, and their number where the split's plan tells it."""

    rows: DataFrame
    number: int | None


def stopping_rows(ctx: Context, recipe: Recipe) -> StoppingRows:
    """Return the validation rows, or the half of them by which the decisions of a recipe are not fitted."""
    rows = rows_of(ctx, "validation")
    if keeps_half(recipe):
        return StoppingRows(rows.where(~kept_half(rows, dataset(ctx))), None)
    return StoppingRows(rows, sum(ctx.read("split", "plan.json")["counts"]["validation"].values()))


def resampled(ctx: Context) -> TrainingRows:
    """Return the training rows as `resample` left them."""
    plan = sampling_plan(ctx)
    counts = {c: of.after for c, of in plan.classes.items()}
    # A sampler may give each row a weight that makes up for the rows it dropped.
    return TrainingRows(training_rows(ctx), counts, plan.weight_output, plan.offset_output, plan.distortion)


def fit_model(ctx: Context, wanted: TrainConfig, training: TrainingRows, stopping: StoppingRows) -> Model:
    """Return the model of training rows; preprocessing is fitted on the original ones."""
    return train_model(
        wanted,
        training,
        stopping.rows,
        dataset(ctx),
        original_train=rows_of(ctx, "train"),
        validation_rows=stopping.number,
        warn=ctx.warn,
    )

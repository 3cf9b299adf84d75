"""The rows that a model is trained on, and its training in a run."""

from __future__ import annotations

from pyspark.sql import DataFrame

from steelyard.config import TrainConfig
from steelyard.learning import Model, TrainingRows, train_model
from steelyard.stages._context import Context
from steelyard.stages._source import dataset, rows_of, sampling_plan, training_rows


def resampled(ctx: Context) -> TrainingRows:
    """Return the training rows as `resample` left them."""
    plan = sampling_plan(ctx)
    counts = {c: of.after for c, of in plan.classes.items()}
    # A sampler may give each row a weight that makes up for the rows it dropped.
    return TrainingRows(training_rows(ctx), counts, plan.weight_output, plan.offset_output, plan.distortion)


def fit_model(ctx: Context, wanted: TrainConfig, training: TrainingRows, validation: DataFrame) -> Model:
    """Return the model of training rows; preprocessing is fitted on the original ones."""
    return train_model(wanted, training, validation, dataset(ctx), original_train=rows_of(ctx, "train"), warn=ctx.warn)

"""The rows that a model is trained on, and its training in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from steelyard.config import TrainConfig
from steelyard.distortion import Distortion
from steelyard.learning import Model, train_model
from steelyard.stages._context import Context
from steelyard.stages._source import dataset, rows_of, sampling_plan, training_rows


@dataclass(frozen=True)
class Training:
    """Training rows after resampling.

    Parameters
    ----------
    rows : DataFrame
    counts : mapping of str to int
        Rows of each class.
    weight, offset : str, optional
        Columns that a sampler has added, see `Trainer.fit`.
    distortion : Distortion
    start : Model, optional
        A model to continue from.
    """

    rows: DataFrame
    counts: Mapping[str, int]
    weight: str | None
    offset: str | None
    distortion: Distortion
    start: Model | None = None


def resampled(ctx: Context) -> Training:
    """Return the training rows as `resample` left them."""
    plan = sampling_plan(ctx)
    counts = {c: of.after for c, of in plan.classes.items()}
    # A sampler may give each row a weight that makes up for the rows it dropped.
    return Training(training_rows(ctx), counts, plan.weight_output, plan.offset_output, plan.distortion)


def fit_model(ctx: Context, wanted: TrainConfig, training: Training, validation: DataFrame) -> Model:
    """Return the model of training rows; preprocessing is fitted on the original ones."""
    return train_model(
        wanted,
        training.rows,
        validation,
        dataset(ctx),
        original_train=rows_of(ctx, "train"),
        train_weight=training.weight,
        train_offset=training.offset,
        sampled=training.distortion,
        start=training.start,
        warn=ctx.warn,
    )

"""What a model is trained on, and its training by the section `train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from steelyard.config import TrainConfig
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.learning import Model, Trainer, get_trainer
from steelyard.stages._context import Context
from steelyard.stages._source import dataset, rows_of, sampling_plan, training_rows
from steelyard.weighting import cost_weighted, with_matrix


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


def trainer_of(wanted: TrainConfig, data: Dataset) -> Trainer:
    """Return the trainer of a section."""
    weight = with_matrix(wanted.class_weight, data.cost)
    return get_trainer(wanted.model, wanted.params, weight, wanted.num_workers, wanted.seed, wanted.loss, wanted.device)


def fit_model(ctx: Context, wanted: TrainConfig, training: Training, validation: DataFrame) -> Model:
    """Return the model of training rows; preprocessing is fitted on the original ones."""
    data = dataset(ctx)
    rows, weight, distortion = training.rows, training.weight, training.distortion
    if wanted.cost_weights:
        rows, weight = cost_weighted(rows, data, weight or data.weight)
        distortion = distortion.then(Distortion(exact=False))
    return trainer_of(wanted, data).fit(
        rows,
        validation,
        data,
        original_train=rows_of(ctx, "train"),
        train_weight=weight,
        train_offset=training.offset,
        sampled=distortion,
        start=training.start,
        warn=ctx.warn,
    )

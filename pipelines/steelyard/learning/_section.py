"""Training by the section `train` of a pipeline or a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from steelyard.config import TrainConfig
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.learning._registry import get_trainer
from steelyard.learning.base import Trainer
from steelyard.learning.model import Model
from steelyard.weighting import cost_weighted, with_matrix


@dataclass(frozen=True)
class TrainingRows:
    """What a model is trained on: training rows after resampling, and a model to continue from.

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


def trainer_of(section: TrainConfig, dataset: Dataset) -> Trainer:
    """Return the trainer of a section; class weights by cost use the costs of the dataset."""
    weight = with_matrix(section.class_weight, dataset.cost)
    return get_trainer(
        section.model, section.params, weight, section.num_workers, section.seed, section.loss, section.device
    )


def train_model(
    section: TrainConfig,
    training: TrainingRows,
    validation: DataFrame,
    dataset: Dataset,
    *,
    original_train: DataFrame,
    warn: Callable[[str], None] | None = None,
) -> Model:
    """Train the model of a section, with `cost_weights` on rows that weigh what errors on them cost.

    Parameters
    ----------
    section : TrainConfig
    training : TrainingRows
    validation, dataset, original_train, warn
        As for `Trainer.fit`.
    """
    rows, weight, sampled = training.rows, training.weight, training.distortion
    if section.cost_weights:
        rows, weight = cost_weighted(rows, dataset, weight or dataset.weight)
        sampled = sampled.then(Distortion(exact=False))
    return trainer_of(section, dataset).fit(
        rows,
        validation,
        dataset,
        original_train=original_train,
        train_weight=weight,
        train_offset=training.offset,
        sampled=sampled,
        start=training.start,
        warn=warn,
    )

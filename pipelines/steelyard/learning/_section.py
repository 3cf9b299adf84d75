"""Training by the section `train` of a pipeline or a recipe."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import DataFrame

from steelyard.config import TrainConfig
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.learning._registry import get_trainer
from steelyard.learning.base import Trainer
from steelyard.learning.model import Model
from steelyard.weighting import cost_weighted, with_matrix


def trainer_of(section: TrainConfig, dataset: Dataset) -> Trainer:
    """Return the trainer of a section; class weights by cost use the costs of the dataset."""
    weight = with_matrix(section.class_weight, dataset.cost)
    return get_trainer(
        section.model, section.params, weight, section.num_workers, section.seed, section.loss, section.device
    )


def train_model(
    section: TrainConfig,
    train: DataFrame,
    validation: DataFrame,
    dataset: Dataset,
    *,
    original_train: DataFrame,
    train_weight: str | None,
    train_offset: str | None,
    sampled: Distortion,
    start: Model | None = None,
    warn: Callable[[str], None] | None = None,
) -> Model:
    """Train the model of a section, with `cost_weights` on rows that weigh what errors on them cost.

    Parameters
    ----------
    section : TrainConfig
    train, validation, dataset, original_train, train_weight, train_offset, sampled, start, warn
        As for `Trainer.fit`.
    """
    if section.cost_weights:
        train, train_weight = cost_weighted(train, dataset, train_weight or dataset.weight)
        sampled = sampled.then(Distortion(exact=False))
    return trainer_of(section, dataset).fit(
        train,
        validation,
        dataset,
        original_train=original_train,
        train_weight=train_weight,
        train_offset=train_offset,
        sampled=sampled,
        start=start,
        warn=warn,
    )

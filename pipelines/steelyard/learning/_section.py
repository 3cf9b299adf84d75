"""Training by the section `train` of a pipeline or a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from pyspark.sql import Column, DataFrame

from steelyard.config import TrainConfig
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.frames.threads import in_threads
from steelyard.learning._fit_rows import Training, fit_each, prepare_rows
from steelyard.learning._fitting import fit_preprocessings
from steelyard.learning._preparing import preprocessing_settings
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._registry import get_trainer
from steelyard.learning.base import Trainer
from steelyard.learning.model import Model
from steelyard.learning.training_data import TrainingRows
from steelyard.weighting import cost_weighted, with_matrix


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
    validation_rows: int | None = None,
    warn: Callable[[str], None] | None = None,
) -> Model:
    """Train the model of a section, with `cost_weights` on rows that weigh what errors on them cost.

    Parameters
    ----------
    section : TrainConfig
    training : TrainingRows
    validation, dataset, original_train, validation_rows, warn
        As for `Trainer.fit`.
    """
    of = cost_weighted_rows(section, training, dataset)
    return trainer_of(section, dataset).fit(
        of.rows,
        validation,
        dataset,
        original_train=original_train,
        train_weight=of.weight,
        train_offset=of.offset,
        sampled=of.distortion,
        start=of.start,
        counts=of.counts,
        validation_rows=validation_rows,
        warn=warn,
    )


def train_each(
    sections: Sequence[TrainConfig],
    trainings: Sequence[TrainingRows],
    validation: DataFrame,
    dataset: Dataset,
    *,
    original_trains: Sequence[DataFrame],
    rows: DataFrame,
    parts: Column,
) -> list[Model]:
    """Train a model on each of several parts of a table, as `train_model` does, without notes for the user.

    The parts share the passes that fit the preprocessing. If the trainer is XGBoost and one worker trains, one Spark
    stage trains all models; otherwise threads train them at the same time.

    Parameters
    ----------
    sections : sequence of TrainConfig
        One for each part, of the same trainer and settings but for maps of class to rows.
    trainings : sequence of TrainingRows
        One for each part, after resampling.
    validation, dataset
        As for `Trainer.fit`.
    original_trains : sequence of DataFrame
        The parts before resampling.
    rows : DataFrame
        The table whose parts these are.
    parts : Column of bigint
        Bit i says whether part i has a row of `rows`; parts may overlap.
    """
    trainers = [trainer_of(section, dataset) for section in sections]
    fitted: Sequence[Preprocessing | None] = [None] * len(trainers)
    if any(of.start is None for of in trainings):
        fitted = fit_preprocessings(rows, dataset, parts, len(trainers), **preprocessing_settings(trainers[0]))

    def prepared(i: int) -> Training:
        given = cost_weighted_rows(sections[i], trainings[i], dataset)
        return prepare_rows(trainers[i], given, validation, dataset, original_trains[i], None, _ignore_note, fitted[i])

    return fit_each(in_threads(rows.sparkSession, [partial(prepared, i) for i in range(len(trainers))]))


def _ignore_note(note: str) -> None:
    """Ignore a note."""


def cost_weighted_rows(section: TrainConfig, training: TrainingRows, dataset: Dataset) -> TrainingRows:
    """Return training rows that weigh what errors on them cost, where a section asks for it."""
    if not section.cost_weights:
        return training
    rows, weight = cost_weighted(training.rows, dataset, training.weight or dataset.weight)
    distortion = training.distortion.then(Distortion(exact=False))
    return replace(training, rows=rows, weight=weight, distortion=distortion, chosen=None)

"""Training on tables: prepare rows and weights, train, and derive the distortion of the class prior."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.domain import monotone
from steelyard.learning._device import AUTO, CPU
from steelyard.learning._failures import translate_spark_errors
from steelyard.learning._preparing import prepare
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._workers import workers_note
from steelyard.learning.training_data import TrainingData, TrainingRows
from steelyard.sampling.domain import check_domain
from steelyard.weighting import scale_note, weights_note

if TYPE_CHECKING:
    from steelyard.learning.base import Trainer
    from steelyard.learning.model import Model


@dataclass(frozen=True)
class Training:
    """What a trainer is about to do.

    Parameters
    ----------
    trainer : Trainer
    data : TrainingData
    distortion : Distortion
        By sampling, weights and loss.
    start : Model, optional
    """

    trainer: Trainer
    data: TrainingData
    distortion: Distortion
    start: Model | None

    def finished(self, model: Model) -> Model:
        """Return the trained model with its whole distortion."""
        found = self.distortion.then(model.distortion)
        if self.start is not None and self.start.distortion != found:
            found = replace(found, exact=False)  # the parts of the model saw different priors
        return replace(model, distortion=found)


def fit_rows(
    trainer: Trainer,
    training: TrainingRows,
    validation: DataFrame,
    dataset: Dataset,
    original_train: DataFrame,
    validation_rows: int | None,
    warn: Callable[[str], None] | None,
) -> Model:
    """Return the model of a table; see `Trainer.fit`."""
    note = warn or _python_warning
    made = prepare_rows(trainer, training, validation, dataset, original_train, validation_rows, note)
    with translate_spark_errors(trainer.failures):
        return made.finished(trainer._fit(made.data, made.start))


def fit_each(trainings: Sequence[Training]) -> list[Model]:
    """Return the models of several tables by trainers of the same settings."""
    trainer = trainings[0].trainer
    with translate_spark_errors(trainer.failures):
        models = trainer._fit_each([of.data for of in trainings], [of.start for of in trainings])
    return [of.finished(model) for of, model in zip(trainings, models, strict=True)]


def prepare_rows(
    trainer: Trainer,
    training: TrainingRows,
    validation: DataFrame,
    dataset: Dataset,
    original_train: DataFrame,
    validation_rows: int | None,
    note: Callable[[str], None],
    fitted: Preprocessing | None = None,
) -> Training:
    """Check and prepare what a trainer trains on.

    Parameters
    ----------
    trainer, training, validation, dataset, original_train, validation_rows
        As for `Trainer.fit`.
    note : callable
        Takes notes for the user.
    fitted : Preprocessing, optional
        That of `original_train`, which is fitted otherwise.
    """
    trainer.check_classes(dataset.classes, trainer.loss)
    trainer.check_domain(dataset.domain, len(dataset.classes))
    check_domain(training.rows, dataset.domain, dataset.features, dataset.categorical)
    start = training.start
    if start is not None:
        trainer.check_start(start, dataset)
    with translate_spark_errors(trainer.failures):
        device = trainer.find_device(training.rows.sparkSession)
        if trainer.device == AUTO:
            note(f"train.device is auto: {device} trains here; the model's bits depend on the machine")
        rows, data, weighted = prepare(
            trainer, training, validation, dataset, original_train, fitted=fitted, validation_rows=validation_rows
        )
    data = replace(data, monotone=data.preprocessing.directions(monotone(dataset.domain)))
    by_default = trainer.uses_workers and trainer.num_workers is None
    large = workers_note(rows, len(data.preprocessing.names)) if by_default else None
    light = None if training.offset is not None else scale_note(sum(data.sizes) / rows, trainer.in_weight_units)
    for text in (large, light, weights_note(trainer.class_weight, weighted.rates)):
        if text is not None:
            note(text)
    prior = training.distortion if training.offset is None else Distortion()  # offsets undo the sampling
    found = prior.then(weighted).then(trainer.loss_distortion(data.trained_classes))
    return Training(trainer, data if device == CPU else replace(data, device=device, workers=1), found, start)


def _python_warning(message: str) -> None:
    warnings.warn(message, stacklevel=5)

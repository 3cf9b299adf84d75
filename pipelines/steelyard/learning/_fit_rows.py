"""Training on a table: prepare rows and weights, train, and derive the distortion of the class prior."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.domain import monotone
from steelyard.learning._device import AUTO, CPU
from steelyard.learning._failures import translate_spark_errors
from steelyard.learning._preparing import Offset, prepare
from steelyard.learning._workers import workers_note
from steelyard.sampling.domain import check_domain
from steelyard.weighting import weights_note

if TYPE_CHECKING:
    from steelyard.learning.base import Trainer
    from steelyard.learning.model import Model


def fit_rows(
    trainer: Trainer,
    train: DataFrame,
    validation: DataFrame,
    dataset: Dataset,
    original_train: DataFrame,
    train_weight: str | None,
    train_offset: str | None,
    sampled: Distortion,
    start: Model | None,
    warn: Callable[[str], None] | None,
) -> Model:
    """Return the model of a table; see `Trainer.fit`."""
    trainer.check_classes(dataset.classes, trainer.loss)
    trainer.check_domain(dataset.domain, len(dataset.classes))
    check_domain(train, dataset.domain, dataset.features, dataset.categorical)
    if start is not None:
        trainer.check_start(start, dataset)
    note = warn or _python_warning
    with translate_spark_errors(trainer.failures):
        device = trainer.find_device(train.sparkSession)
        if trainer.device == AUTO:
            note(f"train.device is auto: {device} trains here; the model's bits depend on the machine")
        offset = None if train_offset is None else Offset(train_offset, sampled.rates)
        rows, data, weighted = prepare(trainer, train, validation, dataset, original_train, train_weight, start, offset)
        data = replace(data, monotone=data.preprocessing.directions(monotone(dataset.domain)))
        by_default = trainer.uses_workers and trainer.num_workers is None
        large = workers_note(rows, len(data.preprocessing.names)) if by_default else None
        for text in (large, weights_note(trainer.class_weight, weighted.rates)):
            if text is not None:
                note(text)
        model = trainer._fit(data if device == CPU else replace(data, device=device, workers=1), start)
    prior = sampled if train_offset is None else Distortion()
    found = prior.then(weighted).then(trainer.loss_distortion(data.trained_classes))
    found = found.then(model.distortion)
    if start is not None and start.distortion != found:
        found = replace(found, exact=False)  # the parts of the model saw different priors
    return replace(model, distortion=found)


def _python_warning(message: str) -> None:
    warnings.warn(message, stacklevel=4)

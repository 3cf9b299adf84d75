"""Trainers behind one small interface: `fit` gives a model that adds probabilities to raw rows, saved without pickles.

Importing this package needs no Spark: names and parameters can be checked first. A trainer of your own derives from
`Trainer`, its model from `Model` (or `MarginModel`), its parameters from `Parameters`;
`steelyard.testing.check_trainer` holds the common checks.

Examples
--------
>>> check_trainer("xgboost", {"max_depth": 4})
>>> trainer = get_trainer("xgboost", {"max_depth": 4, "n_estimators": 5})
>>> train, validation = df.where("customer < 0.2"), df.where("customer >= 0.2")
>>> model = trainer.fit(train, validation, dataset, original_train=train)
>>> scored = model.predict(df).select("probabilities")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.lazy import lazy
from steelyard.learning._registry import (
    check_trainer,
    get_trainer,
    importance_of,
    largest_feature,
    load_model,
    takes_offsets,
    trainer_class,
    trainer_names,
    trainer_parameters,
)
from steelyard.learning.base import Trainer
from steelyard.learning.local import LocalLearner, TaskModel
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import Importance, TrainingData, TrainingRows

if TYPE_CHECKING:
    from steelyard.learning._fitting import fit_preprocessing
    from steelyard.learning._guided_under_sampler import GuidedUnderSampler
    from steelyard.learning._preparing import repartition_by_content
    from steelyard.learning._preprocessing import Preprocessing
    from steelyard.learning._section import train_each, train_model, trainer_of
    from steelyard.learning.model import MarginModel, Model, shared_fields
    from steelyard.learning.tasks import fit_tasks

__all__ = [
    "GuidedUnderSampler",
    "Importance",
    "LocalLearner",
    "MarginModel",
    "Model",
    "Parameters",
    "Preprocessing",
    "TaskModel",
    "Trainer",
    "TrainingData",
    "TrainingRows",
    "check_trainer",
    "fit_preprocessing",
    "fit_tasks",
    "get_trainer",
    "importance_of",
    "largest_feature",
    "load_model",
    "repartition_by_content",
    "shared_fields",
    "takes_offsets",
    "train_each",
    "train_model",
    "trainer_class",
    "trainer_names",
    "trainer_of",
    "trainer_parameters",
]

# Names and parameters of trainers are checked without Spark.
__getattr__ = lazy(
    __name__, "model", "_features", "_fitting", "_preparing", "_guided_under_sampler", "_section", "tasks"
)

"""Trainers behind one small interface: `fit` gives a model that scores raw rows and saves itself without pickles.

Importing this package is cheap: names and parameters can be checked without Spark. What trains is imported when it is
asked for.

Examples
--------
>>> check_trainer("xgboost", {"max_depth": 4})
>>> trainer = get_trainer("xgboost", {"max_depth": 4, "n_estimators": 5})
>>> train, validation = df.where("customer < 0.2"), df.where("customer >= 0.2")
>>> model = trainer.fit(train, validation, dataset, original_train=train)
>>> scored = model.score(df).select("probabilities")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.learning._registry import (
    check_trainer,
    get_trainer,
    largest_feature,
    load_model,
    trainer_names,
    trainer_parameters,
)

if TYPE_CHECKING:
    from steelyard.learning._model import Model
    from steelyard.learning._trainer import Trainer

__all__ = [
    "Model",
    "Trainer",
    "check_trainer",
    "get_trainer",
    "largest_feature",
    "load_model",
    "trainer_names",
    "trainer_parameters",
]


def __getattr__(name: str) -> Any:
    if name == "Model":
        from steelyard.learning._model import Model

        return Model
    if name == "Trainer":
        from steelyard.learning._trainer import Trainer

        return Trainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

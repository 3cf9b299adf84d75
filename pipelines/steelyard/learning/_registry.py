"""Trainers by name. Nothing here imports Spark before a trainer or a model is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from steelyard.errors import ConfigError, InputError, closest
from steelyard.learning._params import (
    DOUBLE_LIMIT,
    LOGISTIC_REGRESSION,
    SINGLE_LIMIT,
    XGBOOST,
    Choice,
    Number,
    Parameters,
)

if TYPE_CHECKING:
    from steelyard.learning._model import Model
    from steelyard.learning._trainer import Trainer
    from steelyard.store import Folder

FORMAT = 1


class _Entry(NamedTuple):
    module: str
    trainer: str
    model: str
    parameters: Parameters
    largest: float


_TRAINERS = {
    "logistic_regression": _Entry(
        "steelyard.learning._logistic_regression",
        "LogisticRegressionTrainer",
        "LogisticRegressionModel",
        LOGISTIC_REGRESSION,
        DOUBLE_LIMIT,
    ),
    "xgboost": _Entry("steelyard.learning._xgboost", "XGBoostTrainer", "XGBoostModel", XGBOOST, SINGLE_LIMIT),
}


def trainer_names() -> list[str]:
    """Return the names that `get_trainer` knows."""
    return list(_TRAINERS)


def trainer_parameters() -> dict[str, Mapping[str, Number | Choice]]:
    """Return what `train.params` may hold: for each trainer its parameters, with defaults and limits."""
    return {name: entry.parameters.known for name, entry in _TRAINERS.items()}


def check_trainer(name: str, params: Mapping[str, Any] | None = None) -> None:
    """Raise unless a trainer of that name takes these parameters. Needs no Spark.

    Raises
    ------
    ConfigError
        Naming the nearest trainer or parameter, or the limits that a value must keep.
    """
    _entry(name).parameters.resolve(name, params or {})


def largest_feature(name: str) -> float:
    """Return the largest size of a feature that a trainer takes."""
    return _entry(name).largest


def get_trainer(
    name: str,
    params: Mapping[str, Any] | None = None,
    class_weight: str | Mapping[str, float] = "none",
    num_workers: int = 2,
    seed: int = 0,
) -> Trainer:
    """Return a trainer.

    Parameters
    ----------
    name : {"logistic_regression", "xgboost"}
    params : mapping, optional
        By the training library's own names: XGBoost's (`n_estimators`, `max_depth`, …), Spark ML's
        (`regParam`, `elasticNetParam`, …).
    class_weight : {"none", "balanced"} or mapping of str to float, default "none"
        Multiplies the weights of training rows. Classes that a mapping doesn't name weigh 1.
    num_workers : int, default 2
        Partitions of the training rows, and tasks of XGBoost, which must run at the same time.
        The model depends on it, so it is a setting and no measure of the cluster.
    seed : int, default 0

    Raises
    ------
    ConfigError
        As `check_trainer`.
    """
    entry = _entry(name)
    resolved = entry.parameters.resolve(name, params or {})
    trainer: type[Trainer] = getattr(import_module(entry.module), entry.trainer)
    return trainer(resolved, class_weight, num_workers, seed)


def load_model(run_dir: Folder, path: str) -> Model:
    """Return the model that `Model.save` wrote below `path`.

    Raises
    ------
    InputError
        If there is none, or it is of a format that this version doesn't know.
    """
    try:
        document = run_dir.read_json(f"{path}/model.json")
    except FileNotFoundError:
        raise InputError(f"{run_dir.uri(path)} holds no model: it has no model.json") from None
    if document.get("format") != FORMAT:
        raise InputError(
            f"{run_dir.uri(path)}/model.json is of format {document.get('format')!r}; "
            f"this version of steelyard reads {FORMAT}"
        )
    entry = _entry(document["trainer"])
    model: type[Model] = getattr(import_module(entry.module), entry.model)
    return model.load(document, run_dir, path)


def _entry(name: str) -> _Entry:
    if name not in _TRAINERS:
        raise ConfigError(f"no trainer is called {name!r}.{closest(name, _TRAINERS)} There are: {', '.join(_TRAINERS)}")
    return _TRAINERS[name]

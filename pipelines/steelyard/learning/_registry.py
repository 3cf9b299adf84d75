"""Trainers by name. Names and parameters of the built-in ones are checked without Spark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.config import LOG_LOSS
from steelyard.errors import ConfigError, InputError
from steelyard.extensions import TRAINERS, find_class, known_names
from steelyard.learning._device import CPU
from steelyard.learning.base import LIMITS, Trainer
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import Importance

if TYPE_CHECKING:
    from steelyard.learning.model import Model
    from steelyard.store import Folder

FORMAT = 1

_BUILT_IN = {
    "balanced_bagging": "steelyard.ensemble._balanced_bagging.BalancedBaggingTrainer",
    "balanced_random_forest": "steelyard.ensemble._balanced_random_forest.BalancedRandomForestTrainer",
    "easy_ensemble": "steelyard.ensemble._easy_ensemble.EasyEnsembleTrainer",
    "gradient_boosted_trees": "steelyard.learning._gradient_boosted_trees.GradientBoostedTreesTrainer",
    "logistic_regression": "steelyard.learning._logistic_regression.LogisticRegressionTrainer",
    "neural_network": "steelyard.learning._neural_network.NeuralNetworkTrainer",
    "random_forest": "steelyard.learning._random_forest.RandomForestTrainer",
    "rusboost": "steelyard.ensemble._boosting.RUSBoostTrainer",
    "self_paced_ensemble": "steelyard.ensemble._self_paced.SelfPacedEnsembleTrainer",
    "smoteboost": "steelyard.ensemble._boosting.SMOTEBoostTrainer",
    "xgboost": "steelyard.learning._xgboost.XGBoostTrainer",
}
"""The class of each trainer; one more trainer is one more line."""


def trainer_names() -> list[str]:
    """Return the names of the built-in trainers and of those that installed packages add."""
    return known_names(_BUILT_IN, TRAINERS)


def trainer_class(name: str) -> type[Trainer]:
    """Return the class of a trainer.

    Parameters
    ----------
    name : str
        Of a built-in trainer, of an entry point in the group `steelyard.trainers`, or a dotted path.

    Raises
    ------
    ConfigError
        If there is none of that name; the message names the nearest one.
    """
    return find_class(name, _BUILT_IN, TRAINERS, "train.model", Trainer)  # type: ignore[type-abstract]


def trainer_parameters(name: str) -> type[Parameters]:
    """Return the model of a trainer's parameters: fields with defaults, limits and descriptions."""
    return trainer_class(name).parameters


def check_trainer(
    name: str,
    params: Mapping[str, Any] | None = None,
    loss: str | Mapping[str, Any] = LOG_LOSS,
    device: str = CPU,
    num_workers: int | None = None,
) -> None:
    """Raise unless a trainer of that name takes these parameters, this loss and this device. Needs no Spark session.

    Raises
    ------
    ConfigError
        Naming the nearest trainer or parameter, the limits of a value, or a library that is not installed.
    """
    of = trainer_class(name)
    of.check_loss(loss, of.parameters.parse(name, params or {}).given())
    of.check_device(device, num_workers)
    of.check_installed()


def takes_offsets(name: str) -> bool:
    """Whether a trainer, with its defaults, takes an offset of each row's margin; False if it has no defaults."""
    try:
        return trainer_class(name)().takes_offsets
    except ConfigError:
        return False


def largest_feature(name: str) -> float:
    """Return the largest size of a feature that a trainer takes."""
    return LIMITS[trainer_class(name).dtype]


def importance_of(name: str, summary: Mapping[str, Any]) -> Importance | None:
    """Return what a report shows of a model's `summary`; None also where its trainer is not installed."""
    try:
        return trainer_class(name).importance(summary)
    except ConfigError:
        return None


def get_trainer(
    name: str,
    params: Mapping[str, Any] | None = None,
    class_weight: str | Mapping[str, Any] = "none",
    num_workers: int | None = None,
    seed: int = 0,
    loss: str | Mapping[str, Any] = LOG_LOSS,
    device: str = CPU,
) -> Trainer:
    """Return a trainer.

    Parameters
    ----------
    name : str
        Of a built-in trainer (`trainer_names`), the name that another package gives to its trainer, or the dotted
        path of one.
    params : mapping, optional
        By the training library's own names: XGBoost's (`n_estimators`, `max_depth`, …), Spark ML's
        (`regParam`, `maxDepth`, …).
    class_weight : {"none", "balanced", "sqrt_balanced"} or mapping, default "none"
        See `steelyard.weighting.class_weights`.
    num_workers : int, optional
        Partitions of the training rows, and tasks of XGBoost, which must run at the same time.
        The model depends on it, so it is a setting and does not follow the size of the cluster.
    seed : int, default 0
    loss : str or mapping, default "log_loss"
        ``{"focal": {"gamma": 2, "alpha": 0.5}}``, ``{"class_balanced_focal": {"beta": "auto", "gamma": 2}}`` or
        ``{"logit_adjusted": {"tau": 1}}``, for XGBoost and the network.
    device : {"cpu", "cuda", "auto"}, default "cpu"
        For XGBoost and the network. "auto" is "cuda" where an NVIDIA GPU is found, and warns that the model's bits
        depend on the machine.

    Raises
    ------
    ConfigError
        As `check_trainer`.
    """
    return trainer_class(name)(params, class_weight, num_workers, seed, loss, device)


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
    return trainer_class(document["trainer"]).model_class().load(document, run_dir, path)

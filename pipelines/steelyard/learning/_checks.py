"""Checks of what a trainer takes: loss, device, classes, domain, and a model to continue from. They need no Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from steelyard.config import LOG_LOSS, loss_name, parse_loss
from steelyard.domain import Domain, monotone
from steelyard.errors import ConfigError, InputError, closest
from steelyard.learning._device import CPU, CUDA, DEVICES

if TYPE_CHECKING:
    from steelyard.dataset import Dataset
    from steelyard.learning.base import Trainer
    from steelyard.learning.model import Model

_SHOWN = 20


def check_loss(trainer: type[Trainer], loss: str | Mapping[str, Any]) -> str | dict[str, dict[str, Any]]:
    """Return a loss with all its parameters; see `Trainer.check_loss`."""
    try:
        found = parse_loss(loss)
    except ValueError as error:
        raise ConfigError(f"train.loss: {error}") from None
    if loss_name(found) not in trainer.losses:
        others = " or ".join(name for name in ("xgboost", "neural_network") if name != trainer.name)
        raise ConfigError(
            f"train.loss: {trainer.name} minimises {' or '.join(trainer.losses)}, not {loss_name(found)}; the other "
            f"losses need train.model {others}"
        )
    return found


def check_device(trainer: type[Trainer], device: str, num_workers: int | None) -> str:
    """Return the device; see `Trainer.check_device`."""
    if device not in DEVICES:
        raise ConfigError(f"train.device must be {', '.join(DEVICES)}.{closest(device, DEVICES)} Got {device!r}")
    if trainer.device_library is None and device == CUDA:
        raise ConfigError(f"train.device: {trainer.name} trains on CPUs only; leave it out")
    if device == CUDA and (num_workers or 1) > 1:
        raise ConfigError("train.device: cuda trains with one worker; leave train.num_workers out")
    return CPU if trainer.device_library is None else device


def check_installed(trainer: type[Trainer]) -> None:
    """Raise `ConfigError` if a library of the trainer is not installed here."""
    for name in trainer.libraries:
        try:
            version(name)
        except PackageNotFoundError:
            hint = f"steelyard[{trainer.extra}]" if trainer.extra else name
            raise ConfigError(f"{trainer.name} needs {name}, which is not installed: install {hint}") from None


def check_classes(trainer: type[Trainer], classes: Sequence[str], loss: str | Mapping[str, Any]) -> None:
    """Raise `ConfigError` if the trainer does not take so many classes, or not with this loss."""
    if loss_name(loss) in trainer.losses_of_two and len(classes) > 2:
        others = [name for name in trainer.losses if name not in trainer.losses_of_two]
        raise ConfigError(
            f"train.loss: {loss_name(loss)} is for two classes, and the label has {len(classes)}: use "
            f"{' or '.join(others)}"
        )
    if not trainer.two_classes_only or len(classes) <= 2:
        return
    shown = ", ".join(map(repr, classes[:_SHOWN])) + (", …" if len(classes) > _SHOWN else "")
    raise ConfigError(
        f"train.model: {trainer.name} takes two classes, and the label has {len(classes)}: {shown}. Name a model that "
        "takes more, such as xgboost or random_forest"
    )


def check_domain(trainer: type[Trainer], domain: Domain, classes: int) -> None:
    """Raise `ConfigError` for a domain of features that the trainer cannot obey with so many classes."""
    directions = monotone(domain)
    if not directions:
        return
    key = f"data.domain.{next(iter(directions))}.monotone"
    if not trainer.takes_monotone:
        raise ConfigError(f"{key}: {trainer.name} cannot obey it; take xgboost or neural_network, or leave it out")
    if classes > 2:
        raise ConfigError(f"{key} is for two classes, and the label has {classes}; leave it out")


def check_start_model(trainer: Trainer, start: Model) -> None:
    """Raise `InputError` for a model that the trainer can continue from on no table."""
    if not trainer.continues:
        raise InputError(f"{trainer.name} cannot start from an earlier model; leave start out")
    if start.trainer != trainer.name:
        raise InputError(f"start is a model of {start.trainer}; {trainer.name} continues its own models only")
    if start.settings.get("loss", LOG_LOSS) != trainer.loss:
        raise InputError(f"start was trained with the loss {start.settings['loss']}, but train.loss is {trainer.loss}")


def check_start_table(trainer: Trainer, start: Model, dataset: Dataset) -> None:
    """Raise `InputError` for classes or features of a table with which the trainer cannot continue from a model."""
    if start.classes != dataset.classes:
        why = "; their order is negative, positive" if {*start.classes} == {*dataset.classes} else ""
        raise InputError(f"start knows the classes {list(start.classes)}, the table has {list(dataset.classes)}{why}")
    _check_features(trainer, start, dataset)
    _check_directions(start, dataset)


def _check_directions(start: Model, dataset: Dataset) -> None:
    """Raise `InputError` for monotone features other than those of a model."""
    declared = monotone(dataset.domain)
    known, wanted = start.monotone, start.preprocessing.directions(declared)
    if known is None and wanted:
        raise InputError("data.domain has monotone features, but start may have been trained without; leave it out")
    if known is not None and known != wanted:
        trained = {name: sign for name, sign in zip(start.preprocessing.names, known, strict=False) if sign}
        raise InputError(f"start was trained with the monotone features {trained}, data.domain declares {declared}")


def _check_features(trainer: Trainer, start: Model, dataset: Dataset) -> None:
    """Raise `InputError` for features that differ in name, kind, order, or form for the trainer."""
    known = list(dict.fromkeys(f.column for f in start.preprocessing.features))
    lost, new = (sorted({*a} - {*b}) for a, b in ((known, dataset.features), (dataset.features, known)))
    if lost or new:
        sides = (("the table lacks", lost), ("start lacks", new))
        raise InputError(f"features differ from those of start: {', '.join(f'{s} {n}' for s, n in sides if n)}")
    of = {f.column for f in start.preprocessing.features if hasattr(f, "levels")}
    booleans = {f.column for f in start.preprocessing.features if f.kind == "boolean"}  # categories of a table
    other = sorted((of ^ set(dataset.categorical)) - booleans)
    if other:
        raise InputError(f"features that are categories in start or in the table, but not in both: {other}")
    if known != list(dataset.features):
        raise InputError(f"start was trained on the features {known}, the table has {list(dataset.features)}")
    if bool(start.preprocessing.codes) != bool(trainer.codes and of):
        raise InputError("start and the trainer differ in train.params.enable_categorical")

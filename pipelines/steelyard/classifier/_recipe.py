"""Checks of a recipe before training: names, parameters and combinations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from steelyard import deciding
from steelyard.config import AUTO, Recipe, ResampleConfig, check_cost_weights
from steelyard.dataset import Cost
from steelyard.deciding import PER_ROW_COST, check_rule
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, closest
from steelyard.learning import check_trainer, get_trainer
from steelyard.sampling import check_sampler, get_sampler
from steelyard.weighting import class_weights, depends_on_counts, weight_distortion


def check_recipe(recipe: Recipe, *, cost: Cost | None = None, sampling_rate: Mapping[str, float] | None = None) -> None:
    """Raise `ConfigError` for an unknown sampler, trainer, rule or parameter, by its section. Needs no Spark session.

    Parameters
    ----------
    recipe : Recipe
    cost : Cost, optional
        The known costs; None: not asked.
    sampling_rate : mapping of str to float, optional
        The share of each class's rows that the table holds, see `Dataset`.
    """
    check_resampling(recipe.resample)
    with _named("train"):
        how = recipe.train
        check_trainer(how.model, how.params, how.loss, how.device, how.num_workers)
    if recipe.decide.threshold is not None:
        with _named("decide."):
            check_rule(recipe.decide.threshold, cost=cost)
    check_calibration(recipe, sampling_rate=sampling_rate)
    if recipe.train.cost_weights and cost is not None:
        try:
            check_cost_weights(recipe, cost)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    per_row = recipe.decide.threshold == PER_ROW_COST
    rule = f"decide.threshold {PER_ROW_COST}" if per_row else "data.cost.matrix"
    if per_row or (cost is not None and cost.several):
        _check_probabilities(recipe, sampling_rate, rule)


def check_resampling(wanted: ResampleConfig) -> None:
    """Check a sampler's name and parameters without a Spark session.

    Raises
    ------
    ConfigError
        If there is no such sampler or parameter; `auto` takes none.
    """
    slips = [name for name in wanted.params if closest(name, ["method"])]
    if slips and "method" not in wanted.model_fields_set:
        raise ConfigError(f"resample.{slips[0]}: unknown key. Did you mean 'method'?")
    if wanted.method != AUTO:
        with _named("resample"):
            check_sampler(wanted.method, wanted.params)
    elif wanted.params:
        raise ConfigError(
            f"resample.{next(iter(wanted.params))}: with method auto, the diagnosis chooses the sampler and its "
            "parameters; leave it out, or name a sampler"
        )


def check_rates(sampling_rate: Mapping[str, float], classes: Sequence[str]) -> None:
    """Raise `ConfigError` for sampling rates of classes that the label does not have, or out of range."""
    for name, rate in sampling_rate.items():
        if name not in classes:
            known = ", ".join(map(repr, classes[:20]))
            raise ConfigError(
                f"data.sampling_rate: the label has no class {name!r}.{closest(name, classes)} It has {known}"
            )
        if not 0 < rate <= 1:
            raise ConfigError(f"data.sampling_rate: the rate of class {name!r} must be above 0 and up to 1, got {rate}")


def check_calibration(
    recipe: Recipe, classes: Sequence[str] = (), sampling_rate: Mapping[str, float] | None = None
) -> None:
    """Raise `ConfigError` for the calibration `prior` if the recipe says that training keeps the class prior.

    Parameters
    ----------
    recipe : Recipe
    classes : sequence of str, optional
        Where they are known.
    sampling_rate : mapping of str to float, optional
    """
    distortion = _planned(recipe, classes, sampling_rate)
    if distortion is not None:
        deciding.check_calibration(recipe.decide.calibrate, distortion)


def _check_probabilities(recipe: Recipe, sampling_rate: Mapping[str, float] | None, rule: str) -> None:
    """Raise `ConfigError` for a rule that multiplies probabilities by costs where scores will not be probabilities."""
    if recipe.decide.calibrate != "none":
        return
    distortion = _planned(recipe, (), sampling_rate)
    if distortion is None or distortion.kind != "none":
        raise ConfigError(
            f"decide.calibrate is none, but {rule} compares probabilities with costs, and "
            "resampling or class weights change the scores; use auto"
        )


def _planned(recipe: Recipe, classes: Sequence[str], sampling_rate: Mapping[str, float] | None) -> Distortion | None:
    """Return how training will change the class prior, None where the recipe does not say it."""
    how = recipe.train
    if recipe.resample.method == AUTO or depends_on_counts(how.class_weight):
        return None
    sampler = get_sampler(recipe.resample.method, **recipe.resample.params)
    weighted = sampler.hasParam("weight_output_col") and sampler.getOrDefault("weight_output_col") is not None
    undone = weighted or sampler.hasParam("offset_output_col")
    if sampler.effect != "none" and not undone:
        return None
    given: dict[str, Any] = dict(how.class_weight) if isinstance(how.class_weight, Mapping) else {}
    weights = class_weights(dict.fromkeys(classes, 1.0), given) if classes else {**given, "": 1.0}  # others weigh 1
    trainer = get_trainer(how.model, how.params, loss=how.loss)
    planned = weight_distortion(weights).then(trainer.loss_distortion(tuple(classes) or ("0", "1")))
    planned = planned.then(Distortion(dict(sampling_rate or {})))
    return planned.then(Distortion(exact=False)) if how.transfer is not None else planned


@contextmanager
def _named(section: str) -> Iterator[None]:
    """Prefix the errors of checks with the section of the recipe."""
    try:
        yield
    except ConfigError as error:
        known = str(error).startswith(section)
        raise ConfigError(str(error) if known else f"{section}{'' if section.endswith('.') else ': '}{error}") from None

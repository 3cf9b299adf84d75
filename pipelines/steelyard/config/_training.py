"""The sections `resample`, `train`, `decide` and `gate`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from steelyard.config._faults import explain
from steelyard.config._loss import LOSS_SCHEMA, parse_loss
from steelyard.config._transfer import TransferConfig
from steelyard.config._values import AUTO, Section, Seed, text_keys
from steelyard.errors import ConfigError, closest

_RULES = ["none", "balanced", "sqrt_balanced", "cost_matrix"]
_PER_ROW_COST = "per_row_cost"
_WEIGHT = {"type": "number", "exclusiveMinimum": 0}
_CLASS_WEIGHT = {
    "anyOf": [
        {"enum": _RULES},
        {
            "type": "object",
            "properties": {"effective_number": {"anyOf": [{"const": "auto"}, {**_WEIGHT, "exclusiveMaximum": 1}]}},
            "additionalProperties": _WEIGHT,
        },
    ]
}


def _class_weight(value: Any) -> str | dict[str, Any]:
    """Check class weights as far as no table is needed."""
    if isinstance(value, str) and value in _RULES:
        return value
    if not isinstance(value, Mapping) or not value:
        raise ValueError(
            "must be none, balanced, sqrt_balanced, cost_matrix, {effective_number: auto} or a map of class to weight"
        )
    weights: dict[str, Any] = text_keys(value)
    rule = set(weights) == {"effective_number"}
    if rule and weights["effective_number"] == "auto":
        return weights
    for name, weight in weights.items():
        if (
            isinstance(weight, bool)
            or not isinstance(weight, int | float)
            or not 0 < weight < (1 if rule else math.inf)
        ):
            wanted = "auto or a number between 0 and 1" if rule else "a number above 0"
            raise ValueError(f"{name} must be {wanted}, got {weight!r}")
    return {name: float(weight) for name, weight in weights.items()}


ClassWeight = Annotated[str | dict[str, Any], BeforeValidator(_class_weight), WithJsonSchema(_CLASS_WEIGHT)]


class ResampleConfig(Section):
    """A sampler's name, or `auto` (the recommendation of stage `diagnose`). Other keys are the sampler's parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    method: str = "none"

    @model_validator(mode="after")
    def _classes_once(self) -> ResampleConfig:
        for name, value in (self.model_extra or {}).items():
            try:
                text_keys(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return self

    @property
    def params(self) -> dict[str, Any]:
        """The sampler's parameters, per-class maps keyed by the classes' string form."""
        return {k: text_keys(v) for k, v in (self.model_extra or {}).items()}


class TrainConfig(Section):
    """The model, its loss, and the weights of the classes in training."""

    model: str = "xgboost"
    class_weight: Annotated[str | dict[str, Any], BeforeValidator(_class_weight), WithJsonSchema(_CLASS_WEIGHT)] = (
        "none"
    )
    loss: Annotated[str | dict[str, Any], BeforeValidator(parse_loss), WithJsonSchema(LOSS_SCHEMA)] = "log_loss"
    cost_weights: bool = False
    fold_models: Literal["auto", "always", "none"] = "auto"
    params: dict[str, Any] = {}
    num_workers: Annotated[int, Field(ge=1, le=10_000)] | None = None
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    seed: Seed = 0
    transfer: TransferConfig | None = None

    @property
    def trainer(self) -> str:
        """The trainer's name; for `auto`, before a comparison has chosen it, that of the plain baseline."""
        return "xgboost" if self.model == AUTO else self.model

    @property
    def known(self) -> TrainConfig:
        """The section with the name of `trainer`, for checks before a comparison has chosen the model."""
        return self.model_copy(update={"model": self.trainer})


def _rule(value: Any) -> Any:
    """Check the form of a decision rule; `steelyard.deciding.check_rule` checks what it says."""
    if value is None or value == _PER_ROW_COST or (isinstance(value, Mapping) and len(value) == 1):
        return value
    meant = f"{{value: {value}}}" if isinstance(value, int | float) and not isinstance(value, bool) else "{value: 0.5}"
    hint = closest(value, [_PER_ROW_COST]) if isinstance(value, str) else ""
    raise ValueError(
        f"must be one rule, such as {meant} or {{recall_at_least: 0.9}}, or {_PER_ROW_COST}.{hint} "
        f"Got {value!r} instead"
    )


class DecideConfig(Section):
    """How scores become probabilities and probabilities become decisions."""

    calibrate: Literal["auto", "none", "prior", "temperature", "platt", "beta", "quadratic", "isotonic"] = "auto"
    threshold: Annotated[
        Literal["per_row_cost"] | Annotated[dict[str, Any], Field(min_length=1, max_length=1)] | None,
        BeforeValidator(_rule),
    ] = None
    uncertainty: Literal["none", "venn_abers"] = "none"


class Recipe(Section):
    """What makes a classifier: the sections `resample`, `train` and `decide` of a pipeline YAML."""

    resample: ResampleConfig = ResampleConfig()
    train: TrainConfig = TrainConfig()
    decide: DecideConfig = DecideConfig()

    @classmethod
    def of(cls, value: Recipe | Mapping[str, Any] | None) -> Recipe:
        """Return a recipe of a mapping of sections; none is the default one.

        Raises
        ------
        ConfigError
            For unknown keys and wrong types, by their path.

        Examples
        --------
        >>> Recipe.of({"resample": {"method": "smote"}}).train.model
        'xgboost'
        """
        if isinstance(value, Recipe):
            return value
        try:
            return cls.model_validate({} if value is None else value)
        except ValidationError as error:
            raise ConfigError(explain(error, cls)) from None


class GateBound(Section):
    """Bounds for a metric on the test split: for its value, or for its 95 % interval."""

    min: float | None = None
    max: float | None = None
    min_ci95: float | None = None
    max_ci95: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> GateBound:
        if not self.model_fields_set:
            raise ValueError("give at least one of min, max, min_ci95, max_ci95")
        return self

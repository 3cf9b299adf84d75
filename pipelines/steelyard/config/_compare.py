"""The section `compare`."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from steelyard.config._training import ResampleConfig, TrainConfig
from steelyard.config._values import AUTO, Name, Rate, Section, not_boolean


class CandidateConfig(Section):
    """A recipe to compare: how rows are resampled, and what is trained. `decide` is the pipeline's."""

    resample: ResampleConfig = Field(ResampleConfig(), description="As the section resample.")
    train: TrainConfig = Field(TrainConfig(), description="As the section train.")

    @model_validator(mode="after")
    def _named(self) -> CandidateConfig:
        if AUTO in (self.resample.method, self.train.model):
            raise ValueError("a candidate names its sampler and its model: 'auto' is not one")
        if self.train.transfer is not None:
            raise ValueError("train.transfer: candidates are compared on the rows of the table alone; leave it out")
        return self


class RedecideConfig(Section):
    """How far the training rows of a later run may differ from those of the latest comparison to take over its choice.

    Beyond these bounds, and where something else than the table has changed, recipes are compared again.
    """

    prevalence: Annotated[float, Field(gt=1)] = 2.0
    rows: Annotated[float, Field(gt=1)] = 4.0
    difficulty: Annotated[float, Field(gt=0, le=1)] = 0.2


MOST_SEARCHED = 64
"""Recipes of a search at most."""
_Depth = Annotated[int, Field(ge=1, le=30), BeforeValidator(not_boolean)]
_Ratio = Annotated[float, Field(ge=1), BeforeValidator(not_boolean)]


class SearchConfig(Section):
    """Settings of XGBoost recipes. Each combination is a candidate; successive halving leaves the best of them."""

    max_depth: Annotated[list[_Depth], Field(min_length=1)] | None = None
    learning_rate: Annotated[list[Rate], Field(min_length=1)] | None = None
    negatives_per_positive: Annotated[list[_Ratio], Field(min_length=1)] | None = None
    class_weight: Annotated[list[Literal["none", "balanced", "sqrt_balanced"]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> SearchConfig:
        lists = list(self.given.values())
        if not lists:
            raise ValueError(f"give a list for at least one of {', '.join(type(self).model_fields)}")
        recipes = math.prod(map(len, lists))
        if recipes > MOST_SEARCHED:
            raise ValueError(f"{recipes:,} combinations, and at most {MOST_SEARCHED} are searched: give fewer values")
        return self

    @property
    def given(self) -> dict[str, list[int] | list[float] | list[str]]:
        """The lists that are given, by key."""
        return {name: of for name, of in self.model_dump().items() if of is not None}


class CompareConfig(Section):
    """Recipes on the same folds of the training rows, and how one is chosen."""

    candidates: Literal["auto"] | dict[Name, CandidateConfig] = "auto"
    metric: Literal["auto", "cost", "log_loss", "pr_auc"] = "auto"
    folds: Annotated[int, Field(ge=2, le=20)] = 3
    max_rows: Annotated[int, Field(ge=1000)] = 1_000_000
    search: SearchConfig | None = None
    redecide: RedecideConfig | None = None

    @property
    def given(self) -> dict[str, CandidateConfig]:
        """The candidates that are named."""
        return {} if isinstance(self.candidates, str) else self.candidates

"""Resample and train: the model of a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from pyspark.sql import DataFrame

from steelyard.config import AUTO, Recipe, ResampleConfig
from steelyard.dataset import Dataset
from steelyard.diagnosis import diagnose, recommended_sampler
from steelyard.frames.caching import cached
from steelyard.learning import Model, TrainingRows, takes_offsets, train_model, trainer_class
from steelyard.learning.training_data import Chosen
from steelyard.sampling import Sampler, apply_plan, sampler_for
from steelyard.sampling.applying import kept_rows


def fit_model(
    asked: Recipe, train: DataFrame, stopping: DataFrame, dataset: Dataset, counts: Mapping[str, int]
) -> Model:
    """Return the model of resampled training rows.

    Parameters
    ----------
    asked : Recipe
    train : DataFrame
    stopping : DataFrame
        Rows by which a trainer may stop early.
    dataset : Dataset
        With its classes.
    counts : mapping of str to int
        Training rows of each class.
    """
    with resampled(sampler_of(asked, train, dataset, counts).knowing(counts), train) as training:
        return train_model(asked.train, training, stopping, dataset, original_train=train)


@contextmanager
def resampled(
    sampler: Sampler, train: DataFrame, weight: str | None = None, chosen: Chosen | None = None
) -> Iterator[TrainingRows]:
    """Return what a model is trained on; new rows are cached in the scope.

    Parameters
    ----------
    sampler : Sampler
    train : DataFrame
    weight : str, optional
        A column of `train`.
    chosen : Chosen, optional
        The same rows as `train`, as those of a table that other models are trained on too.
    """
    found = sampler.resample(train)
    with ExitStack() as scope:
        parts = [None if df is None else scope.enter_context(cached(df)) for df in found.tables]
        rows, plan = apply_plan(train, found.plan, *parts), found.plan
        counts = {c: of.after for c, of in plan.classes.items()}
        # A sampler may give each row a weight that makes up for the rows it dropped.
        made = TrainingRows(rows, counts, plan.weight_output or weight, plan.offset_output, plan.distortion)
        kept = None if chosen is None else kept_rows(train, plan)
        yield made if chosen is None or kept is None else replace(made, chosen=chosen.where(kept))


def sampler_of(asked: Recipe, train: DataFrame, dataset: Dataset, counts: Mapping[str, int]) -> Sampler:
    """Return the sampler of a recipe."""
    wanted = _section(asked, train, dataset, counts)
    return sampler_for(dataset, wanted.method, wanted.params)


def _section(asked: Recipe, train: DataFrame, dataset: Dataset, counts: Mapping[str, int]) -> ResampleConfig:
    if asked.resample.method != AUTO:
        return asked.resample
    model = asked.train.model
    weak = model if trainer_class(model).gains_from_balance else None
    return recommended_sampler(diagnose(train, dataset, counts, weak_learner=weak, takes_offsets=takes_offsets(model)))

"""Resample and train: the model of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace

from pyspark.sql import DataFrame

from steelyard.config import AUTO, Recipe, ResampleConfig
from steelyard.dataset import Dataset
from steelyard.diagnosis import diagnose, recommended_sampler
from steelyard.frames.caching import cached
from steelyard.learning import Model, TrainingRows, takes_offsets, train_model, trainer_class
from steelyard.sampling import apply_plan, sampler_for


def fit_model(
    asked: Recipe,
    train: DataFrame,
    stopping: DataFrame,
    dataset: Dataset,
    counts: Mapping[str, int],
    *,
    counted: bool = True,
    weight: str | None = None,
    change: Callable[[TrainingRows], TrainingRows] | None = None,
    warn: Callable[[str], None] | None = None,
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
    counted : bool, default True
        Whether these are exactly those of `train`. Otherwise the sampler counts them again.
    weight : str, optional
        A column of the training rows' weights in place of that of `dataset`.
    change : callable, optional
        Returns what is trained on, given the resampled rows: transfer from another domain.
    warn : callable, optional
        Takes notes; by default they are Python warnings.
    """
    weighted = replace(dataset, weight=weight or dataset.weight)
    wanted = _sampler(asked, train, dataset, counts)
    sampler = sampler_for(weighted, wanted.method, wanted.params)
    made = (sampler.knowing(counts) if counted else sampler).resample(train)
    with ExitStack() as scope:
        parts = [None if df is None else scope.enter_context(cached(df)) for df in made.tables]
        rows, plan = apply_plan(train, made.plan, *parts), made.plan
        counts = {c: of.after for c, of in plan.classes.items()}
        # A sampler may give each row a weight that makes up for the rows it dropped.
        training = TrainingRows(rows, counts, plan.weight_output or weight, plan.offset_output, plan.distortion)
        if change is not None:
            training = change(training)
        return train_model(asked.train, training, stopping, dataset, original_train=train, warn=warn)


def _sampler(asked: Recipe, train: DataFrame, dataset: Dataset, counts: Mapping[str, int]) -> ResampleConfig:
    if asked.resample.method != AUTO:
        return asked.resample
    model = asked.train.model
    weak = model if trainer_class(model).gains_from_balance else None
    return recommended_sampler(diagnose(train, dataset, counts, weak_learner=weak, takes_offsets=takes_offsets(model)))

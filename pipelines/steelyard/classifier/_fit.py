"""Fitting a classifier: resample, train, decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._arguments import DATASET, naming
from steelyard.classifier._classifier import Classifier
from steelyard.classifier._fit_decisions import fit_decisions
from steelyard.classifier._fit_model import fit_model
from steelyard.classifier._recipe import check_calibration, check_rates, check_recipe
from steelyard.classifier._rules import alert_period, alert_rule, keeps_half, kept_half
from steelyard.columns import internal
from steelyard.config import Recipe
from steelyard.dataset import Dataset
from steelyard.deciding import alert_shares, check_matrix, check_time, check_two_classes, check_uncertainty
from steelyard.errors import ConfigError, InputError
from steelyard.learning import trainer_class
from steelyard.metrics import check_amounts
from steelyard.stats import class_counts


def fit(
    recipe: Recipe | Mapping[str, Any] | None, train: DataFrame, validation: DataFrame, dataset: Dataset
) -> Classifier:
    """Return a classifier, as a pipeline's stages `resample`, `train` and `decide` make it.

    Training rows are resampled, never validation rows; encoders and scales are learned from the original training
    rows. Costs what the sampler and the trainer cost; a narrow scan of each table for the counts of the classes, and
    one more where there are weights or costs; the validation rows are scored once and cached meanwhile, and aggregated
    twice (with several classes, once for each).

    Parameters
    ----------
    recipe : Recipe or mapping, optional
        The sections `resample`, `train` and `decide` of a pipeline YAML; what is left out has their defaults.
    train : DataFrame
        Training rows. Must be stable: it is read more than once.
    validation : DataFrame
        Calibration and threshold are fitted on them, and trainers stop early by them.
    dataset : Dataset
        Roles of the columns. Without `classes` they are counted: the rarer of two is positive unless `positive` names
        the other. Of two `classes` the second is positive.

    Raises
    ------
    ConfigError
        For an unknown sampler, trainer, rule or parameter.
    InputError
        For columns that are missing or unusable, labels that are missing or of one class only, validation labels that
        are not among the classes, and weights or costs that are missing, negative or not finite.

    Examples
    --------
    >>> from pyspark.sql import functions as F
    >>> train, validation = df.where(F.col("customer") < 0.175), df.where(F.col("customer") >= 0.175)
    >>> recipe = {"train": {"model": "logistic_regression"}, "decide": {"threshold": {"recall_at_least": 0.9}}}
    >>> fit(recipe, train, validation, dataset).policy.threshold < 0.5
    True
    """
    with naming(DATASET):
        return fit_recipe(Recipe.of(recipe), train, validation, dataset)


def fit_recipe(asked: Recipe, train: DataFrame, validation: DataFrame, dataset: Dataset) -> Classifier:
    """Return a classifier as `fit` does; errors name keys of a pipeline YAML."""
    if asked.train.transfer is not None:
        raise ConfigError("train.transfer is for pipelines, whose stage train reads the source; leave it out")
    check_recipe(asked, cost=dataset.cost, sampling_rate=dataset.sampling_rate)
    check_time(asked.decide.threshold, dataset.time)
    dataset, counts = _with_classes(train, dataset)
    _check_classes(asked, dataset)
    dataset = replace(dataset, cost=dataset.cost.above_right(dataset.classes, dataset.positive))
    _check_rows(train, validation, dataset)
    held = kept_half(validation, dataset) if keeps_half(asked) else None
    model = fit_model(asked, train, validation if held is None else validation.where(~held), dataset, counts)
    rule = alert_rule(asked)
    policy = fit_decisions(
        model,
        validation,
        dataset,
        counts,
        asked.decide,
        shares=_shares(train, validation, dataset.time, rule["per"]) if rule and dataset.time else None,
        held=held,
        exchangeable=dataset.group is None,
        probabilities=not asked.train.cost_weights,
        train=train,
    )
    return Classifier(model, policy)


def _with_classes(train: DataFrame, dataset: Dataset) -> tuple[Dataset, dict[str, int]]:
    """Return the dataset with its classes and the positive one, and the training rows of each class."""
    counted = class_counts(train, dataset.label)
    counted.refuse_nulls(dataset.label)
    if not counted.counts:
        raise InputError("there are no training rows: all rows are validation rows, or there are none")
    if not dataset.classes:
        counted.check()
        positive = counted.positive(dataset.positive, dataset.sampling_rate)
        dataset = replace(dataset, positive=positive, classes=counted.ordered(positive))
    elif len(dataset.classes) == 2 and dataset.positive is None:
        dataset = replace(dataset, positive=dataset.classes[1])
    _refuse_unknown(counted.counts, dataset.classes, "training")
    return dataset, {c: counted.counts.get(c, 0) for c in dataset.classes}


def _check_classes(asked: Recipe, dataset: Dataset) -> None:
    """Raise for what the classes forbid in the recipe."""
    check_two_classes(asked.decide.threshold, dataset.classes, has_costs=dataset.cost.given)
    check_uncertainty(asked.decide.uncertainty, dataset.classes)
    check_matrix(dataset.cost, dataset.classes)
    trainer_class(asked.train.model).check_classes(dataset.classes, asked.train.loss)
    check_rates(dataset.sampling_rate, dataset.classes)
    check_calibration(asked, dataset.classes, dataset.sampling_rate)


def _shares(train: DataFrame, validation: DataFrame, time: str, per: str) -> DataFrame:
    """Return which share of each period's rows are validation rows."""
    period = internal("period")
    both = [df.select(alert_period(df, time, per).alias(period)) for df in (train, validation)]
    rows = both[0].withColumn("held", F.lit(False)).unionByName(both[1].withColumn("held", F.lit(True)))
    return alert_shares(rows, F.col(period), F.col("held")).where("part").drop("part")


def _check_rows(train: DataFrame, validation: DataFrame, dataset: Dataset) -> None:
    """Raise `InputError` for what `profile` refuses in a pipeline: amounts, and labels of the validation rows."""
    check_amounts(train, dataset)
    check_amounts(validation, dataset)
    counted = class_counts(validation, dataset.label)
    counted.refuse_nulls(dataset.label)
    if not counted.counts:
        raise InputError("there are no validation rows, on which calibration and threshold are fitted")
    _refuse_unknown(counted.counts, dataset.classes, "validation")


def _refuse_unknown(counts: Mapping[str, int], classes: Sequence[str], part: str) -> None:
    """Raise `InputError` for rows of a class that is none of those of the dataset."""
    for name, rows in counts.items():
        if name not in classes:
            known = ", ".join(map(repr, classes[:20]))
            raise InputError(f"{rows:,} {part} rows have label {name!r}, but the classes are {known}")

"""Fitting a classifier: resample, train, decide."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._arguments import DATASET, naming
from steelyard.classifier._classifier import Classifier
from steelyard.classifier._recipe import check_calibration, check_rates, check_recipe
from steelyard.classifier._rules import alert_period, alert_rule, keeps_half, kept_half, rate_of
from steelyard.columns import class_text, col, internal
from steelyard.config import AUTO, DecideConfig, Recipe, ResampleConfig
from steelyard.dataset import Dataset
from steelyard.deciding import (
    DecisionPolicy,
    alert_shares,
    check_matrix,
    check_time,
    check_two_classes,
    fit_policy,
)
from steelyard.diagnosis import diagnose, recommended_sampler
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.frames.caching import cached
from steelyard.learning import Model, get_trainer, trainer_class
from steelyard.metrics import check_amounts, row_weight
from steelyard.sampling import apply_plan, sampler_for
from steelyard.stats import class_counts
from steelyard.weighting import class_weights, cost_weighted, with_matrix


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
    check_recipe(asked, cost=dataset.cost, sampling_rate=dataset.sampling_rate)
    check_time(asked.decide.threshold, dataset.time)
    dataset, counts = _with_classes(train, dataset)
    _check_classes(asked, dataset)
    _check_rows(train, validation, dataset)
    held = kept_half(validation, dataset) if keeps_half(asked) else None
    model = _fit_model(asked, train, validation if held is None else validation.where(~held), dataset, counts)
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
    )
    return Classifier(model, policy)


def _with_classes(train: DataFrame, dataset: Dataset) -> tuple[Dataset, dict[str, int]]:
    """Return the dataset with its classes and the positive one, and the training rows of each class."""
    counted = class_counts(train, dataset.label)
    counted.refuse_nulls(dataset.label)
    if not dataset.classes:
        counted.check()
        positive = counted.positive(dataset.positive)
        dataset = replace(dataset, positive=positive, classes=counted.ordered(positive))
    elif len(dataset.classes) == 2 and dataset.positive is None:
        dataset = replace(dataset, positive=dataset.classes[1])
    return dataset, {c: counted.counts.get(c, 0) for c in dataset.classes}


def _check_classes(asked: Recipe, dataset: Dataset) -> None:
    """Raise for what the classes forbid in the recipe."""
    check_two_classes(asked.decide.threshold, dataset.classes, has_costs=dataset.cost.given)
    check_matrix(dataset.cost, dataset.classes)
    trainer_class(asked.train.model).check_classes(dataset.classes, asked.train.loss)
    check_rates(dataset.sampling_rate, dataset.classes)
    check_calibration(asked, dataset.classes, dataset.sampling_rate)


def _fit_model(
    asked: Recipe, train: DataFrame, stopping: DataFrame, dataset: Dataset, counts: Mapping[str, int]
) -> Model:
    """Return the model of resampled training rows; a trainer may stop early by the rows `stopping`."""
    how = asked.train
    wanted = _sampler(asked.resample, train, dataset, counts, how.model)
    made = sampler_for(dataset, wanted.method, wanted.params).resample(train)
    weight = with_matrix(how.class_weight, dataset.cost)
    trainer = get_trainer(how.model, how.params, weight, how.num_workers, how.seed, how.loss)
    with ExitStack() as scope:
        parts = [None if df is None else scope.enter_context(cached(df)) for df in made.tables]
        rows, plan = apply_plan(train, made.plan, *parts), made.plan
        row_weight, distortion = plan.weight_output, plan.distortion
        if how.cost_weights:
            rows, row_weight = cost_weighted(rows, dataset, row_weight or dataset.weight)
            distortion = distortion.then(Distortion(exact=False))
        return trainer.fit(
            rows,
            stopping,
            dataset,
            original_train=train,
            # A sampler may give each row a weight that makes up for the rows it dropped.
            train_weight=row_weight,
            train_offset=plan.offset_output,
            sampled=distortion,
        )


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
    for name, rows in counted.counts.items():
        if name not in dataset.classes:
            known = ", ".join(map(repr, dataset.classes[:20]))
            raise InputError(f"{rows:,} validation rows have label {name!r}, but the classes are {known}")


def _sampler(
    asked: ResampleConfig, train: DataFrame, dataset: Dataset, counts: Mapping[str, int], learner: str
) -> ResampleConfig:
    if asked.method != AUTO:
        return asked
    weak = learner if trainer_class(learner).gains_from_balance else None
    return recommended_sampler(diagnose(train, dataset, counts, weak_learner=weak))


def fit_decisions(
    model: Model,
    validation: DataFrame,
    dataset: Dataset,
    counts: Mapping[str, int],
    decide: DecideConfig,
    *,
    shares: DataFrame | None = None,
    held: Column | None = None,
    exchangeable: bool = True,
    probabilities: bool = True,
) -> DecisionPolicy:
    """Return the policy of a model, fitted on validation rows, which it scores once.

    Parameters
    ----------
    model : Model
    validation : DataFrame
    dataset : Dataset
        With its classes.
    counts : mapping of str to int
        Rows of each class among the original training rows.
    decide : DecideConfig
    shares : DataFrame, optional
        For rules on alerts: `period` and the `share` of its rows that are validation rows; other periods do not count.
    held : Column, optional
        For conformal recall: whether a validation row was not used to stop training.
    exchangeable : bool, default True
        Whether new rows come from the same distribution as validation rows.
    probabilities : bool, default True
        Whether scores can be made probabilities; not where rows were weighted by their costs in training.
    """
    rates = {c: float(dataset.sampling_rate.get(c, 1.0)) for c in dataset.classes}
    masses = {c: counts.get(c, 0) / rates[c] for c in dataset.classes}
    priors = {c: mass / sum(masses.values()) for c, mass in masses.items()}
    weighted = model.settings["class_weight"]
    there = {c: counts[c] for c, p in priors.items() if p}
    weights = class_weights(there, weighted) if weighted != "none" else None
    scored = _scored(validation, dataset, model, held, alert_rule(Recipe(decide=decide)))
    with cached(scored if shares is None else _with_shares(scored, shares)) as rows:
        return fit_policy(
            rows,
            classes=dataset.classes,
            positive=dataset.positive,
            priors=priors,
            # The model learned from the rows that are left: their shares are not those of the classes.
            distortion=model.distortion.then(Distortion(rates)) if dataset.sampling_rate else model.distortion,
            calibrate=decide.calibrate,
            threshold=decide.threshold,
            class_weights=weights,
            cost=dataset.cost,
            time=dataset.time,
            exchangeable=exchangeable,
            probabilities=probabilities,
        )


def _with_shares(scored: DataFrame, shares: DataFrame) -> DataFrame:
    """Return scored rows with the share of their period's rows of their class that they stand for."""
    rows = scored.join(F.broadcast(shares), "period", "left")
    return rows.withColumn("share", F.col("share") * F.col("rate")).drop("rate")


def _scored(
    df: DataFrame, data: Dataset, model: Model, held: Column | None, alerts: Mapping[str, Any] | None
) -> DataFrame:
    """Return label, probabilities, costs and weight of validation rows, and what the rule reads."""
    raw = internal("probabilities")
    amounts: dict[str, str | float | None] = {}
    if data.cost.given:
        amounts = {"cost_fn": data.cost.false_negative or 0.0, "cost_fp": data.cost.false_positive or 0.0}
    numbers = [
        (col(of) if isinstance(of, str) else F.lit(of)).cast("double").alias(name) for name, of in amounts.items()
    ]
    weight = row_weight(df, data)
    numbers += [] if weight is None else [weight.alias("weight")]
    numbers += [] if held is None else [held.alias("held")]
    if alerts is not None and data.time is not None:
        numbers += [alert_period(df, data.time, alerts["per"]).alias("period"), rate_of(df, data).alias("rate")]
    label = class_text(df, data.label).alias("label")
    return model.predict(df, raw).select(F.col(raw).alias("probabilities"), label, *numbers)

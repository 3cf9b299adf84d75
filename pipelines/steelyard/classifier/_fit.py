"""Fitting a classifier: resample, train, decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    CONFORMAL,
    DecisionPolicy,
    alert_shares,
    check_matrix,
    check_time,
    check_two_classes,
    check_uncertainty,
    fit_policy,
)
from steelyard.diagnosis import diagnose, recommended_sampler
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError
from steelyard.frames.caching import cached
from steelyard.learning import Model, get_trainer, takes_offsets, trainer_class
from steelyard.metrics import check_amounts, row_weight
from steelyard.sampling import apply_plan, sampler_for
from steelyard.stats import class_counts
from steelyard.weighting import class_weights, cost_weighted, with_matrix

RAW, OUT_OF_FOLD, STANDS_FOR = (internal(name) for name in ("probabilities", "out_of_fold", "stands_for"))


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
    check_uncertainty(asked.decide.uncertainty, dataset.classes)
    check_matrix(dataset.cost, dataset.classes)
    trainer_class(asked.train.model).check_classes(dataset.classes, asked.train.loss)
    check_rates(dataset.sampling_rate, dataset.classes)
    check_calibration(asked, dataset.classes, dataset.sampling_rate)


def fit_model(
    asked: Recipe,
    train: DataFrame,
    stopping: DataFrame,
    dataset: Dataset,
    counts: Mapping[str, int],
    *,
    weight: str | None = None,
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
    weight : str, optional
        A column of the training rows' weights in place of that of `dataset`.
    warn : callable, optional
        Takes notes; by default they are Python warnings.
    """
    how, weighted = asked.train, replace(dataset, weight=weight or dataset.weight)
    wanted = _sampler(asked, train, dataset, counts)
    made = sampler_for(weighted, wanted.method, wanted.params).resample(train)
    setting = with_matrix(how.class_weight, dataset.cost)
    trainer = get_trainer(how.model, how.params, setting, how.num_workers, how.seed, how.loss, how.device)
    with ExitStack() as scope:
        parts = [None if df is None else scope.enter_context(cached(df)) for df in made.tables]
        rows, plan = apply_plan(train, made.plan, *parts), made.plan
        row_weight, distortion = plan.weight_output or weight, plan.distortion
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
            warn=warn,
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


def _sampler(asked: Recipe, train: DataFrame, dataset: Dataset, counts: Mapping[str, int]) -> ResampleConfig:
    if asked.resample.method != AUTO:
        return asked.resample
    model = asked.train.model
    weak = model if trainer_class(model).gains_from_balance else None
    return recommended_sampler(diagnose(train, dataset, counts, weak_learner=weak, takes_offsets=takes_offsets(model)))


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
    unseen: DataFrame | None = None,
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
    unseen : DataFrame, optional
        Training rows that `out_of_fold` has scored. Calibration and threshold are fitted on them too. Rules on alerts
        and conformal recall set their threshold on validation rows alone, which the model itself scores.
    """
    rates = {c: float(dataset.sampling_rate.get(c, 1.0)) for c in dataset.classes}
    masses = {c: counts.get(c, 0) / rates[c] for c in dataset.classes}
    priors = {c: mass / sum(masses.values()) for c, mass in masses.items()}
    weighted = model.settings["class_weight"]
    there = {c: counts[c] for c, p in priors.items() if p}
    weights = class_weights(there, weighted) if weighted != "none" else None
    if unseen is not None and held is None and CONFORMAL in (decide.threshold or ()):
        held = F.lit(True)
    read = _for_rule(validation, dataset, decide, held)
    scored = _with_unseen(_narrow(model.predict(validation, RAW), dataset, RAW, read), unseen, dataset)
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
            uncertainty=decide.uncertainty,
        )


def _with_shares(scored: DataFrame, shares: DataFrame) -> DataFrame:
    """Return scored rows with the share of their period's rows of their class that they stand for."""
    rows = scored.join(F.broadcast(shares), "period", "left")
    return rows.withColumn("share", F.col("share") * F.col("rate")).drop("rate")


def _with_unseen(validation: DataFrame, unseen: DataFrame | None, data: Dataset) -> DataFrame:
    """Return scored validation rows and after them those of `out_of_fold`, each with its weight."""
    if unseen is None:
        return validation
    drawn = _narrow(unseen, data, OUT_OF_FOLD, [F.col(STANDS_FOR)])
    own = F.col("weight") if "weight" in drawn.columns else F.lit(1.0)
    weighted = drawn.withColumn("weight", own * F.col(STANDS_FOR)).drop(STANDS_FOR)
    if "held" in validation.columns:
        weighted = weighted.withColumn("held", F.lit(False))
    if "weight" not in validation.columns:
        validation = validation.withColumn("weight", F.lit(1.0))
    return validation.unionByName(weighted, allowMissingColumns=True)


def _narrow(df: DataFrame, data: Dataset, probabilities: str, more: Sequence[Column] = ()) -> DataFrame:
    """Return label, probabilities, costs and weight of scored rows, and other columns."""
    amounts: dict[str, str | float | None] = {}
    if data.cost.given:
        amounts = {"cost_fn": data.cost.false_negative or 0.0, "cost_fp": data.cost.false_positive or 0.0}
    numbers = [
        (col(of) if isinstance(of, str) else F.lit(of)).cast("double").alias(name) for name, of in amounts.items()
    ]
    weight = row_weight(df, data)
    numbers += [] if weight is None else [weight.alias("weight")]
    label = class_text(df, data.label).alias("label")
    return df.select(F.col(probabilities).alias("probabilities"), label, *numbers, *more)


def _for_rule(df: DataFrame, data: Dataset, decide: DecideConfig, held: Column | None) -> list[Column]:
    """Return the columns of validation rows that a rule on alerts, or conformal recall, reads."""
    alerts = alert_rule(Recipe(decide=decide))
    more = [] if held is None else [held.alias("held")]
    if alerts is not None and data.time is not None:
        more += [alert_period(df, data.time, alerts["per"]).alias("period"), rate_of(df, data).alias("rate")]
    return more

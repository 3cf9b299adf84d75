"""Fit the decision policy of a model on scored rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._rules import alert_period, alert_rule, rate_of
from steelyard.columns import class_text, col, internal
from steelyard.config import DecideConfig, Recipe
from steelyard.dataset import Dataset
from steelyard.deciding import CONFORMAL, DecisionPolicy, fit_policy
from steelyard.distortion import Distortion
from steelyard.frames.caching import cached
from steelyard.learning import Model
from steelyard.metrics import row_weight
from steelyard.weighting import class_weights, total_weights

RAW, OUT_OF_FOLD, STANDS_FOR = (internal(name) for name in ("probabilities", "out_of_fold", "stands_for"))


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
    train: DataFrame | None = None,
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
    train : DataFrame, optional
        The original training rows. With several classes and row weights, class weights follow their total weights.
    """
    rates = {c: float(dataset.sampling_rate.get(c, 1.0)) for c in dataset.classes}
    masses = {c: counts.get(c, 0) / rates[c] for c in dataset.classes}
    priors = {c: mass / sum(masses.values()) for c, mass in masses.items()}
    weighted = model.settings["class_weight"]
    if train is not None and dataset.weight is not None and dataset.positive is None and weighted != "none":
        totals = total_weights(train, dataset.label, dataset.weight)
        masses = {c: totals.get(c, 0.0) / rates[c] for c in dataset.classes}
    there = {c: mass for c, mass in masses.items() if mass}
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

"""Stage `train`: fit on resampled training rows, calibrate and set the threshold on untouched validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, internal
from steelyard.dataset import Dataset
from steelyard.deciding import (
    Calibrator,
    ClassCalibrators,
    Threshold,
    choose_calibration,
    choose_threshold,
    fit_calibrator,
    fit_class_calibrators,
)
from steelyard.frames.caching import cached
from steelyard.learning import Model, get_trainer
from steelyard.metrics import ScoreTable, score_table
from steelyard.sampling import SamplingPlan
from steelyard.stages._context import Context, Result
from steelyard.stages._costs import check_new_costs
from steelyard.stages._decision import Decision, positive_probability
from steelyard.stages._source import dataset, rows_of, sampling_plan, training_rows
from steelyard.weighting import class_weights


def run(ctx: Context, attempt: str) -> Result:
    """Write the model, and `decision.json`: classes, priors, calibration, threshold."""
    folder, data, plan = f"model/{attempt}", dataset(ctx), sampling_plan(ctx)
    check_new_costs(ctx)
    validation = rows_of(ctx, "validation")
    model = _fit(ctx, data, plan, validation)
    model.save(ctx.run, folder)
    names = [class_text(validation, data.label).alias("label"), *_beside(data)]
    raw = internal("probabilities")
    scores = model.score(validation, raw).select(F.col(raw).alias("probabilities"), *names)
    with cached(scores) as scored:
        decision = decide(ctx, scored, data, plan, model)
    ctx.run.write_json(f"{folder}/decision.json", decision.to_json())
    chosen = decision.chosen
    if chosen is not None and chosen.note:
        ctx.warn(chosen.note)
    details = {
        "model": model.trainer,
        "calibration": decision.calibration.method,
        "threshold": None if chosen is None else chosen.to_json(),
        "decision": decision.rule,
        **model.summary,
    }
    return Result([folder], {"in": {c: of.after for c, of in plan.classes.items()}}, details)


def _fit(ctx: Context, data: Dataset, plan: SamplingPlan, validation: DataFrame) -> Model:
    wanted = ctx.config.train
    trainer = get_trainer(wanted.model, wanted.params, wanted.class_weight, wanted.num_workers, wanted.seed)
    # A sampler may give each row a weight that makes up for the rows it dropped.
    original = rows_of(ctx, "train")
    return trainer.fit(training_rows(ctx), validation, data, original_train=original, train_weight=plan.weight_output)


def _beside(data: Dataset) -> list[Column]:
    """Return weight and costs of validation rows."""
    costs = {"cost_fn": data.cost.false_negative, "cost_fp": data.cost.false_positive}
    columns = [
        (col(cost) if isinstance(cost, str) else F.lit(cost or 0.0)).cast("double").alias(name)
        for name, cost in costs.items()
        if data.cost.given
    ]
    weight = [] if data.weight is None else [col(data.weight).cast("double").alias("weight")]
    return [*columns, *weight]


def decide(ctx: Context, scored: DataFrame, data: Dataset, plan: SamplingPlan, model: Model) -> Decision:
    """Return calibration and threshold, fitted on scored validation rows.

    Costs one aggregation for the calibration (one for each class where there are several), and one for the threshold.
    """
    before = {c: plan.classes[c].before if c in plan.classes else 0 for c in data.classes}
    priors = {c: n / sum(before.values()) for c, n in before.items()}
    calibration = _calibration(ctx, scored, data, plan, model)
    decision = Decision(data.classes, data.positive, calibration, None, priors)
    if data.positive is None:
        return replace(decision, class_weights=_decision_weights(ctx.config.train.class_weight, calibration, priors))
    # Spark's own arithmetic calibrates the scores here as it will when rows are decided, to the last digit.
    table = _table(scored, decision.calibrated(F.col("probabilities")), data.positive)
    chosen: Threshold = choose_threshold(table, ctx.config.threshold_rule)
    return replace(decision, chosen=chosen)


def _decision_weights(
    asked: str | Mapping[str, float], calibration: Calibrator | ClassCalibrators, priors: Mapping[str, float]
) -> dict[str, float]:
    """Return what several classes' calibrated probabilities are multiplied by before they are compared.

    A calibration that is fitted to validation rows undoes class weights: where these were asked for, the decision
    applies them again. Probabilities that are not calibrated, or only for the sampler's rates, still contain them.
    """
    if asked == "none" or calibration.method in ("none", "prior"):
        return {}
    return class_weights({c: share for c, share in priors.items() if share}, asked)


def _calibration(
    ctx: Context, scored: DataFrame, data: Dataset, plan: SamplingPlan, model: Model
) -> Calibrator | ClassCalibrators:
    of = [data.positive] if data.positive is not None else list(data.classes)
    raw = F.col("probabilities")
    tables = [_table(scored, positive_probability(raw, data.classes, c), c) for c in of]
    beta, sampler = _ratios(plan)
    method = choose_calibration(
        ctx.config.decide.calibrate,
        beta=beta,
        sampler_kind=sampler,
        bent=model.reweighted,
        validation_positives=min(int(t.count_pos.sum()) for t in tables),
    )
    if data.positive is None:
        return fit_class_calibrators(method, data.classes, tables, beta=beta)
    return fit_calibrator(method, tables[0], beta=beta, positive=data.positive)


def _ratios(plan: SamplingPlan) -> tuple[dict[str, float] | None, str]:
    """Return final over original count of each class, and the sampler, as far as they bent what was learned."""
    if plan.effect == "none" or plan.weight_output:
        return None, "none"
    return plan.rates, plan.sampler


def _table(scored: DataFrame, score: Column, positive: str) -> ScoreTable:
    names: dict[str, Any] = {n: F.col(n) for n in ("weight", "cost_fn", "cost_fp") if n in scored.columns}
    return score_table(scored, label=F.col("label"), score=score, positive=positive, **names)

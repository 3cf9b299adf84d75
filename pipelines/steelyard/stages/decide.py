"""Stage `decide`: calibrate the model's scores and set the threshold, on untouched validation rows."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, internal
from steelyard.dataset import Dataset
from steelyard.deciding import DecisionPolicy, fit_policy
from steelyard.frames.caching import cached
from steelyard.learning import Model
from steelyard.stages._context import Context, Result
from steelyard.stages._costs import check_new_costs
from steelyard.stages._model import trained_model
from steelyard.stages._source import dataset, rows_of
from steelyard.weighting import class_weights


def run(ctx: Context, attempt: str) -> Result:
    """Write `policy.json`. Scores the validation rows once; nothing is trained."""
    check_new_costs(ctx)
    data, model = dataset(ctx), trained_model(ctx.run)
    with cached(scored(rows_of(ctx, "validation"), data, model)) as rows:
        policy = policy_of(ctx, rows, data, model)
    path = f"decide/{attempt}/policy.json"
    ctx.run.write_json(path, policy.to_json())
    chosen = policy.chosen
    if chosen is not None and chosen.note:
        ctx.warn(chosen.note)
    details = {
        "calibration": policy.calibration.method,
        "threshold": None if chosen is None else chosen.to_json(),
        "decision": policy.rule,
    }
    return Result([path], details=details)


def scored(df: DataFrame, data: Dataset, model: Model) -> DataFrame:
    """Return label, probabilities, costs and weight of validation rows."""
    raw = internal("probabilities")
    names = [class_text(df, data.label).alias("label"), *_costs(data)]
    if data.weight is not None:
        names.append(col(data.weight).cast("double").alias("weight"))
    return model.predict(df, raw).select(F.col(raw).alias("probabilities"), *names)


def _costs(data: Dataset) -> list[Column]:
    if not data.cost.given:
        return []
    costs = {"cost_fn": data.cost.false_negative, "cost_fp": data.cost.false_positive}
    return [
        (col(cost) if isinstance(cost, str) else F.lit(cost or 0.0)).cast("double").alias(name)
        for name, cost in costs.items()
    ]


def policy_of(ctx: Context, rows: DataFrame, data: Dataset, model: Model) -> DecisionPolicy:
    """Return the policy, fitted on scored validation rows."""
    counts = ctx.read("split", "plan.json")["counts"]["train"]
    total = sum(counts.get(c, 0) for c in data.classes)
    priors = {c: counts.get(c, 0) / total for c in data.classes}
    asked = model.settings["class_weight"]
    weighted = asked != "none"
    return fit_policy(
        rows,
        classes=data.classes,
        positive=data.positive,
        priors=priors,
        distortion=model.distortion,
        calibrate=ctx.config.decide.calibrate,
        threshold=ctx.config.threshold_rule,
        class_weights=class_weights({c: p for c, p in priors.items() if p}, asked) if weighted else None,
        cost=data.cost,
    )

"""Stage `decide`: calibrate the model's scores and set the threshold, on untouched validation rows."""

from __future__ import annotations

from steelyard.classifier import fit_decisions, keeps_half, kept_half
from steelyard.stages._alerts import recipe_of, validation_shares
from steelyard.stages._baseline import decide_baseline
from steelyard.stages._context import Context, Result
from steelyard.stages._costs import check_new_costs
from steelyard.stages._fold_scores import few_positives, fold_scores, interval_note, scored_positives
from steelyard.stages._model import trained_model
from steelyard.stages._resolved import resolved
from steelyard.stages._source import dataset, rows_of


def run(ctx: Context, attempt: str) -> Result:
    """Write `policy.json`. Scores the validation rows once; nothing is trained.

    Where validation has few positives, it reads the out-of-fold scores of `train` too.
    """
    check_new_costs(ctx)
    counts = ctx.read("split", "plan.json")["counts"]["train"]
    model = trained_model(ctx.run)
    data, rows, config = dataset(ctx), rows_of(ctx, "validation"), resolved(ctx)
    method, few = ctx.config.split.method, few_positives(ctx)
    policy = fit_decisions(
        model,
        rows,
        data,
        counts,
        ctx.config.decide,
        shares=validation_shares(ctx),
        held=kept_half(rows, data) if keeps_half(recipe_of(config)) else None,
        exchangeable=method == "stratified",
        probabilities=not config.train.cost_weights,
        unseen=fold_scores(ctx),
        train=rows_of(ctx, "train"),
    )
    path = f"decide/{attempt}/policy.json"
    ctx.run.write_json(path, policy.to_json())
    chosen = policy.chosen
    scarce = None if few is None else interval_note(few, scored_positives(ctx), policy)
    for note in (policy.calibration_note, chosen and chosen.note, scarce):
        if note:
            ctx.warn(note)
    details = {
        "calibration": policy.calibration.method,
        "candidates": [candidate.to_json() for candidate in policy.candidates],
        "threshold": None if chosen is None else chosen.to_json(),
        "decision": policy.rule if policy.positive is None else None,
        "few_positives": scarce,
    }
    if policy.uncertainty is not None:
        details["uncertainty"] = {"rows": policy.uncertainty.rows, "median_width": policy.uncertainty.median_width}
    return Result([path, *decide_baseline(ctx, attempt)], details=details)

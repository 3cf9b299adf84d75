"""Stage `train`: fit a model on resampled training rows, and fold models where validation has few positives."""

from __future__ import annotations

from steelyard.classifier import keeps_half, kept_half
from steelyard.distortion import Distortion
from steelyard.learning import get_trainer
from steelyard.stages._alerts import recipe_of
from steelyard.stages._baseline import fit_baseline
from steelyard.stages._context import Context, Result
from steelyard.stages._fold_scores import write_fold_scores
from steelyard.stages._resolved import resolved
from steelyard.stages._source import dataset, rows_of, sampling_plan, training_rows
from steelyard.weighting import cost_weighted, with_matrix


def run(ctx: Context, attempt: str) -> Result:
    """Write the model, the plain baseline of a comparison, and the scores of fold models in `out_of_fold/`."""
    folder, plan, wanted = f"model/{attempt}", sampling_plan(ctx), resolved(ctx).train
    data = dataset(ctx)
    weight = with_matrix(wanted.class_weight, data.cost)
    settings = (wanted.params, weight, wanted.num_workers, wanted.seed, wanted.loss, wanted.device)
    trainer = get_trainer(wanted.model, *settings)
    validation = rows_of(ctx, "validation")
    if keeps_half(recipe_of(resolved(ctx))):
        validation = validation.where(~kept_half(validation, data))
    rows, row_weight, distortion = training_rows(ctx), plan.weight_output, plan.distortion
    if wanted.cost_weights:
        rows, row_weight = cost_weighted(rows, data, row_weight or data.weight)
        distortion = distortion.then(Distortion(exact=False))
    model = trainer.fit(
        rows,
        validation,
        data,
        original_train=rows_of(ctx, "train"),
        # A sampler may give each row a weight that makes up for the rows it dropped.
        train_weight=row_weight,
        train_offset=plan.offset_output,
        sampled=distortion,
        warn=ctx.warn,
    )
    model.save(ctx.run, folder)
    fit_baseline(ctx, folder)
    details = {"model": model.trainer, "device": model.settings["device"], **model.summary}
    folds = write_fold_scores(ctx, folder, model, validation)
    if folds is not None:
        note = f"{folds['folds']} fold models scored {folds['rows']:,} training rows, {folds['positives']:,} positive"
        details |= {"out_of_fold": folds, "messages": [*details.get("messages", []), note]}
    return Result([folder], {"in": {c: of.after for c, of in plan.classes.items()}}, details)

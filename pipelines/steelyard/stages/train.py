"""Stage `train`: fit a model on resampled training rows, and fold models where validation has few positives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame

from steelyard.classifier import keeps_half, kept_half
from steelyard.config import TrainConfig
from steelyard.learning import Model
from steelyard.stages._alerts import recipe_of
from steelyard.stages._baseline import BASELINE, fit_plain
from steelyard.stages._context import Context, Result
from steelyard.stages._fold_scores import write_fold_scores
from steelyard.stages._resolved import resolved
from steelyard.stages._source import dataset, rows_of
from steelyard.stages._training import Training, fit_model, resampled
from steelyard.stages._transfer import lower_rate, transferred


def run(ctx: Context, attempt: str) -> Result:
    """Write the model, the baseline, fold models in `folds/`, and their scores in `out_of_fold/`.

    The baseline is the plain recipe of a comparison, or the same recipe without transfer.
    """
    folder, wanted = f"model/{attempt}", resolved(ctx).train
    data, validation = dataset(ctx), rows_of(ctx, "validation")
    if keeps_half(recipe_of(resolved(ctx))):
        validation = validation.where(~kept_half(validation, data))
    training = resampled(ctx)
    more: dict[str, Any] = {}
    if wanted.transfer is None:
        model = fit_model(ctx, wanted, training, validation)
        fit_plain(ctx, folder)
    else:
        model, more = _with_transfer(ctx, wanted, training, validation, folder)
        fit_model(ctx, wanted, training, validation).save(ctx.run, f"{folder}/{BASELINE}")
    model.save(ctx.run, folder)
    details = {"model": model.trainer, "device": model.settings["device"], **model.summary, **more}
    folds = write_fold_scores(ctx, folder, model, validation)
    if folds is not None:
        note = f"{folds['folds']} fold models scored {folds['rows']:,} training rows, {folds['positives']:,} positive"
        details |= {"out_of_fold": folds, "messages": [*details.get("messages", []), note]}
    return Result([folder], {"in": dict(training.counts)}, details)


def _with_transfer(
    ctx: Context, wanted: TrainConfig, training: Training, validation: DataFrame, folder: str
) -> tuple[Model, dict[str, Any]]:
    """Return a model that also knows the source, and details for the outcome."""
    if wanted.transfer is None:
        raise AssertionError("no transfer")
    both, facts, messages = transferred(ctx, wanted.transfer, training, folder)
    lower = lower_rate(wanted)
    model = fit_model(ctx, lower, both, validation)
    if lower is not wanted:
        facts["learning_rate"] = lower.params["learning_rate"]
    model = replace(model, distortion=replace(model.distortion, exact=False))  # the source may have other rates
    return model, {"transfer": facts, "messages": [*model.summary.get("messages", []), *messages]}

"""Stage `train`: fit a model on resampled training rows, and fold models where validation has few positives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from steelyard.config import TrainConfig, TransferConfig
from steelyard.learning import Model, TrainingRows
from steelyard.stages._alerts import recipe_of
from steelyard.stages._baseline import BASELINE, fit_plain
from steelyard.stages._context import Context, Result
from steelyard.stages._fold_scores import write_fold_scores
from steelyard.stages._resolved import resolved
from steelyard.stages._training import StoppingRows, fit_model, resampled, stopping_rows
from steelyard.stages._transfer import lower_rate, transferred, transferred_in_folds


def run(ctx: Context, attempt: str) -> Result:
    """Write the model, the baseline, fold models in `folds/`, and their scores in `out_of_fold/`.

    The baseline is the plain recipe of a comparison, or the same recipe without transfer, with fold models of its own.
    """
    folder, wanted = f"model/{attempt}", resolved(ctx).train
    stopping, training = stopping_rows(ctx, recipe_of(resolved(ctx))), resampled(ctx)
    if wanted.transfer is None:
        model, more = fit_model(ctx, wanted, training, stopping), dict[str, Any]()
        model.save(ctx.run, folder)
        fit_plain(ctx, folder)
        folds = write_fold_scores(ctx, folder, model, stopping.rows, wanted)
    else:
        model, more, folds = _with_transfer(ctx, wanted, wanted.transfer, training, stopping, folder)
    details = {"model": model.trainer, "device": model.settings["device"], **model.summary, **more}
    if folds is not None:
        note = f"{folds['folds']} fold models scored {folds['rows']:,} training rows, {folds['positives']:,} positive"
        details |= {"out_of_fold": folds, "messages": [*details.get("messages", []), note]}
    return Result([folder], {"in": dict(training.counts)}, details)


def _with_transfer(
    ctx: Context, wanted: TrainConfig, how: TransferConfig, training: TrainingRows, stopping: StoppingRows, folder: str
) -> tuple[Model, dict[str, Any], dict[str, Any] | None]:
    """Write a model that also knows the source, and one without; return the first, details, and its fold scores."""
    both, facts, messages = transferred(ctx, how, training, folder)
    lower = lower_rate(wanted)
    model = fit_model(ctx, lower, both, stopping)
    if lower is not wanted:
        facts["learning_rate"] = lower.params["learning_rate"]
    model = replace(model, distortion=replace(model.distortion, exact=False))  # the source may have other rates
    model.save(ctx.run, folder)
    place = f"{folder}/{BASELINE}"
    plain = fit_model(ctx, wanted, training, stopping)
    plain.save(ctx.run, place)
    folds = write_fold_scores(ctx, folder, model, stopping.rows, lower, partial(transferred_in_folds, ctx, how, folder))
    if folds is not None:  # else the recipe without transfer would know more rows by which it decides
        write_fold_scores(ctx, place, plain, stopping.rows, wanted)
    return model, {"transfer": facts, "messages": [*model.summary.get("messages", []), *messages]}, folds

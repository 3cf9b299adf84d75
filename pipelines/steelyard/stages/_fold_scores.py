"""Out-of-fold scores of training rows, where validation rows have few positives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.classifier import (
    FEWEST_POSITIVES,
    FOLDS,
    OUT_OF_FOLD,
    STANDS_FOR,
    DrawnRows,
    draw_rows,
    fit_folds,
    most_rows,
    out_of_fold,
)
from steelyard.columns import col
from steelyard.config import TrainConfig
from steelyard.dataset import Dataset
from steelyard.deciding import ALERTS, CONFORMAL, DecisionPolicy
from steelyard.errors import InputError
from steelyard.frames.tables import write_parquet
from steelyard.kernels.intervals import wilson
from steelyard.learning import Model, load_model
from steelyard.splitting import FoldPlan
from steelyard.stages._alerts import recipe_of
from steelyard.stages._context import Context
from steelyard.stages._resampling import wanted_sampler
from steelyard.stages._resolved import resolved
from steelyard.stages._source import dataset, rows_of
from steelyard.stages._transfer import FoldChange
from steelyard.stages.split import make_folds

_FOLDER, _MODELS = "out_of_fold", "folds"


def write_fold_scores(
    ctx: Context,
    folder: str,
    model: Model,
    stopping: DataFrame,
    wanted: TrainConfig,
    transfer: Callable[[DrawnRows, FoldPlan], FoldChange] | None = None,
) -> dict[str, Any] | None:
    """Fit the fold models of a recipe, write them, and the scores of the rows that each has not seen.

    Nothing is done with more than two classes; nor, unless `train.fold_models` is always, where validation rows have 50
    positives or more.

    Parameters
    ----------
    ctx : Context
    folder : str
        That of the model, in which `folds/` and `out_of_fold/` are written.
    model : Model
        Of all training rows.
    stopping : DataFrame
        See `fit_folds`.
    wanted : TrainConfig
        How `model` was trained.
    transfer : callable, optional
        Returns what fold models are trained on, by transfer.

    Returns
    -------
    dict or None
        `folds`; `rows` and `positives` that are scored.
    """
    few, data = few_positives(ctx), dataset(ctx)
    if data.positive is None or not fits_folds(ctx.config.train.fold_models, few):
        return None
    why = "train.fold_models is always" if few is None else f"few positives: {few} validation rows"
    train, counts = rows_of(ctx, "train"), ctx.read("split", "plan.json")["counts"]["train"]
    recipe = recipe_of(resolved(ctx)).model_copy(update={"resample": wanted_sampler(ctx), "train": wanted})
    with ExitStack() as scope:
        try:
            plan = make_folds(train, data, counts, ctx.config.split, FOLDS)
            drawn = draw_rows(
                train, data, counts, most_rows(len(model.preprocessing.names)), seed=ctx.config.split.seed
            )
            change = None if transfer is None else transfer(drawn, plan)
            [models] = fit_folds([recipe], drawn, stopping, data, plan, change=change, scope=scope)
        except InputError as error:
            ctx.warn(f"{why}, and no fold models can be fitted: {error}")
            return None
        for of in models:
            of.model.save(ctx.run, f"{folder}/{_MODELS}/{of.fold}")
        scored = out_of_fold(models, data, drawn.rates, model.distortion)
        write_parquet(scored.select(*_kept(scored, data)), ctx.run.uri(f"{folder}/{_FOLDER}"))
    held = [of for name, of in plan.counts.items() if int(name) in plan.numbers]
    rows = {c: sum(round(of[c] * rate) for of in held) for c, rate in drawn.rates.items()}
    return {"folds": FOLDS, "rows": sum(rows.values()), "positives": rows[data.positive]}


def fits_folds(wanted: str, few: int | None) -> bool:
    """Return whether fold models are fitted.

    Parameters
    ----------
    wanted : {"auto", "always", "none"}
        `train.fold_models`.
    few : int or None
        Positive validation rows, None if there are enough.

    Examples
    --------
    >>> fits_folds("auto", 49), fits_folds("auto", None), fits_folds("always", None), fits_folds("none", 49)
    (True, False, True, False)
    """
    return wanted == "always" or (wanted == "auto" and few is not None)


def few_positives(ctx: Context) -> int | None:
    """Return the positive validation rows where they are few, else None."""
    positive = dataset(ctx).positive
    if positive is None:
        return None
    n: int = ctx.read("split", "plan.json")["counts"]["validation"].get(positive, 0)
    return n if n < FEWEST_POSITIVES else None


def fold_scores(ctx: Context, of: str = "") -> DataFrame | None:
    """Return the out-of-fold scores that `train` has published, if any.

    `of` is a folder in that of the model, such as the baseline's.
    """
    made = ctx.published("train")
    folder = "/".join(part for part in ("model", made.attempt, of, _FOLDER) if part)
    return ctx.table("train", folder) if made.has(folder) else None


def scored_positives(ctx: Context) -> int:
    """Return the positive training rows that fold models have scored."""
    trained = ctx.run.outcome("train")
    found = None if trained is None else trained.details.get("out_of_fold")
    return 0 if found is None else int(found["positives"])


def fold_models(ctx: Context) -> list[Model]:
    """Return the fold models that `train` has published, if any."""
    made = ctx.published("train")
    folders = [f"model/{made.attempt}/{_MODELS}/{fold}" for fold in range(FOLDS + 1)]
    return [load_model(made, folder) for folder in folders if made.has(folder)]


def interval_note(few: int, more: int, policy: DecisionPolicy) -> str:
    """Return the warning that few positives choose the threshold, with the width of an interval.

    Parameters
    ----------
    few, more : int
        Positive validation rows, and positive training rows with out-of-fold scores.
    policy : DecisionPolicy
    """
    also = f" and {more:,} training rows that fold models scored" if more else ""
    rule = {} if policy.chosen is None else policy.chosen.rule
    own = ALERTS in rule or CONFORMAL in rule  # validation rows alone choose the threshold
    recall = None if own or policy.chosen is None else policy.chosen.achieved.get("recall")
    n = few if own else few + more
    low, high = wilson(0.5 if recall is None else recall, n)
    of = "a recall near 0.5 has" if recall is None else f"recall {recall:.3g} at the threshold has"
    return (
        f"few positives: {few} validation row{'' if few == 1 else 's'}{also}; {of} the 95 % interval {low:.3g} to "
        f"{high:.3g}, {high - low:.2g} wide"
    )


def _kept(rows: DataFrame, data: Dataset) -> list[Any]:
    """Return the columns that decisions may read: roles, and every number, which may be a cost."""
    roles = {data.label, *data.key, data.time, data.weight}
    names = [f.name for f in rows.schema.fields if f.name in roles or isinstance(f.dataType, T.NumericType)]
    return [*map(col, [n for n in names if n not in (OUT_OF_FOLD, STANDS_FOR)]), F.col(OUT_OF_FOLD), F.col(STANDS_FOR)]

"""Models of the folds of training rows, and scores of these rows by models that have not seen them.

Where validation rows have few positives, these scores make up for it; comparisons of recipes rest on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._fit_decisions import OUT_OF_FOLD, STANDS_FOR
from steelyard.classifier._fit_model import fit_model
from steelyard.columns import class_text, col, combined, of_key, unused_name
from steelyard.config import Recipe, ResampleConfig
from steelyard.dataset import Dataset
from steelyard.deciding import ClassCalibrators, Identity
from steelyard.distortion import Distortion
from steelyard.ensemble.base import MAX_CELLS
from steelyard.hashing import HASH_BITS, Cut, Ties, cuts, row_hash, select
from steelyard.labels import class_name
from steelyard.learning import Model, TrainingRows
from steelyard.splitting import FoldPlan, fold_rows

FEWEST_POSITIVES = 50
"""Positive validation rows below which a pipeline also fits fold models."""
FOLDS = 5
MAX_ROWS = 1_000_000
_STRATEGY = "sampling_strategy"


@dataclass(frozen=True)
class DrawnRows:
    """Rows of which the largest classes may have been drawn, each row standing for several.

    Parameters
    ----------
    rows : DataFrame
    rates : mapping of str to float
        The share of each class's rows that are left.
    weight : str, optional
        The column of weights: how many rows a row stands for, times its own weight. None where all rows are left.
    """

    rows: DataFrame
    rates: Mapping[str, float]
    weight: str | None = None


@dataclass(frozen=True)
class FoldModel:
    """The model of one fold, and the rows that it has not seen."""

    fold: int
    model: Model
    unseen: DataFrame


def most_rows(features: int) -> int:
    """Return how many rows fold models share at most: what a task holds, a million or 50 million values."""
    return min(MAX_ROWS, MAX_CELLS // max(features, 1))


def draw_rows(df: DataFrame, dataset: Dataset, counts: Mapping[str, int], max_rows: int, *, seed: int = 0) -> DrawnRows:
    """Return at most so many rows: those of the largest classes are drawn by hash, and weigh more instead.

    The rows of a smaller `max_rows` are among those of a larger one. Costs one narrow scan where rows are drawn, two
    where rows without a key repeat.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    counts : mapping of str to int
        Rows of each class.
    max_rows : int
    seed : int, default 0
    """
    wanted = fewer_of_the_largest(counts, max_rows)
    rates = {c: wanted[c] / n for c, n in counts.items() if n}
    if min(rates.values()) == 1:
        return DrawnRows(df, rates)
    position, label = row_hash(df, dataset.identity, seed, "folds/draw"), class_text(df, dataset.label)
    ties: Ties = "exact" if dataset.key else "proportional"
    drawn = cuts(df, position, label, {c: [wanted[c]] for c in rates if rates[c] < 1}, ties=ties, sizes=counts)
    every = {c: Cut(1 << HASH_BITS, wanted[c]) for c in rates}
    rows = select(df, position, label, every | {c: cut for c, (cut,) in drawn.items()})
    weight = of_key({c: 1 / rate for c, rate in rates.items()}, class_text(rows, dataset.label), "double")
    name = unused_name("fold_weight", df.columns)
    own = F.lit(1.0) if dataset.weight is None else col(dataset.weight).cast("double")
    return DrawnRows(rows.withColumn(name, own * weight), rates, name)


def fewer_of_the_largest(counts: Mapping[str, int], most: int) -> dict[str, int]:
    """Return how many rows of each class are left where the largest classes alone are reduced, to equal counts.

    Examples
    --------
    >>> fewer_of_the_largest({"a": 900, "b": 500, "c": 100}, 900)
    {'c': 100, 'b': 400, 'a': 400}
    """
    wanted, left = dict[str, int](), most
    ascending = sorted(counts.items(), key=lambda pair: (pair[1], pair[0]))
    for i, (name, n) in enumerate(ascending):
        wanted[name] = min(n, left // (len(ascending) - i))
        left -= wanted[name]
    return wanted


def fit_folds(
    recipes: Sequence[Recipe],
    train: DrawnRows,
    stopping: DataFrame,
    dataset: Dataset,
    plan: FoldPlan,
    *,
    at_once: int = 8,
    change: Callable[[int, TrainingRows], TrainingRows] | None = None,
) -> list[list[FoldModel]]:
    """Fit the models of all folds, for each of several recipes.

    The rows of the other folds (with forward chaining, those before) are resampled and train a model, in one task where
    the trainer is XGBoost. Maps of class to rows in `sampling_strategy` are reduced by the share of the class's rows
    that the fold trains on. Models are fitted by threads, so that a cluster trains several of them at the same time.

    Parameters
    ----------
    recipes : sequence of Recipe
        Their `decide` is not used.
    train : DrawnRows
        Original training rows, from `draw_rows`. They must be stable.
    stopping : DataFrame
        Rows by which trainers stop early, that are in no fold: validation rows.
    dataset : Dataset
        With its classes.
    plan : FoldPlan
        Of all training rows.
    at_once : int, default 8
        Models that are fitted at the same time, at most.
    change : callable, optional
        Returns what the model of a fold is trained on, given the fold and its resampled rows. Threads call it.

    Returns
    -------
    list of list of FoldModel
        By recipe, then by fold.

    Raises
    ------
    SteelyardError
        The first failure of a model, once those that have begun are done.
    """
    parts = {fold: fold_rows(train.rows, plan, fold) for fold in plan.numbers}
    # Counts of a plan include rows that are not drawn, and those in the gap of a split by time.
    counted = plan.method != "temporal" and min(train.rates.values()) == 1

    def fitted(recipe: Recipe, fold: int) -> FoldModel:
        """Return the model of a fold."""
        own, unseen = parts[fold]
        trained = rows_before(plan, fold)
        asked = _of_fold(recipe, {c: n / max(sum(of[c] for of in plan.counts.values()), 1) for c, n in trained.items()})
        more = None if change is None else partial(change, fold)
        model = fit_model(
            asked,
            own,
            stopping,
            dataset,
            trained,
            counted=counted,
            weight=train.weight,
            change=more,
            warn=_ignored,
        )
        return FoldModel(fold, model, unseen)

    with ThreadPoolExecutor(at_once) as pool:
        found = [[pool.submit(fitted, recipe, fold) for fold in plan.numbers] for recipe in recipes]
        try:
            return [[one.result() for one in of] for of in found]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def rows_before(plan: FoldPlan, fold: int) -> dict[str, int]:
    """Return the rows of each class that train the model of a fold; with forward chaining, before its gap."""
    temporal = plan.method == "temporal"
    parts = [of for name, of in plan.counts.items() if (int(name) < fold if temporal else int(name) != fold)]
    return {c: sum(of[c] for of in parts) for c in parts[0]}


def out_of_fold(
    models: Sequence[FoldModel], dataset: Dataset, rates: Mapping[str, float], like: Distortion
) -> DataFrame:
    """Return the rows of all folds, each scored by the model that has not seen it.

    Parameters
    ----------
    models : sequence of FoldModel
        Of one recipe.
    dataset : Dataset
    rates : mapping of str to float
        Those of the rows' draw.
    like : Distortion
        Of another model: probabilities are brought to the class shares of its training, so that one calibration serves
        both.

    Returns
    -------
    DataFrame
        With the columns `OUT_OF_FOLD`, an array of probabilities in the order of the classes, and `STANDS_FOR`: how
        many rows of its class the row stands for.
    """
    rows = combined(DataFrame.unionByName, [_scored(of, like) for of in models])
    times = of_key({c: 1 / rate for c, rate in rates.items()}, class_text(rows, dataset.label), "double")
    return rows.withColumn(STANDS_FOR, times)


def _scored(of: FoldModel, like: Distortion) -> DataFrame:
    model = of.model
    rates = tuple(like.rate(c) / model.distortion.rate(c) for c in model.classes)
    scaled = ClassCalibrators("prior", (Identity(),) * len(rates), rates)
    scores = model.predict(of.unseen, OUT_OF_FOLD)
    return scores.withColumn(OUT_OF_FOLD, scaled.apply(F.col(OUT_OF_FOLD)))


def _of_fold(recipe: Recipe, shares: Mapping[str, float]) -> Recipe:
    """Return the recipe for a part of the rows, which one worker trains on."""
    resample = ResampleConfig(method=recipe.resample.method, **_reduced(recipe.resample.params, shares))
    train = recipe.train.model_copy(update={"params": _reduced(recipe.train.params, shares), "num_workers": 1})
    return recipe.model_copy(update={"resample": resample, "train": train})


def _reduced(params: Mapping[str, Any], shares: Mapping[str, float]) -> dict[str, Any]:
    """Return parameters whose map of class to rows is reduced to the shares of the classes."""
    wanted = params.get(_STRATEGY)
    if not isinstance(wanted, Mapping):
        return dict(params)
    return {**params, _STRATEGY: {c: max(round(n * shares.get(class_name(c), 1.0)), 1) for c, n in wanted.items()}}


def _ignored(message: str) -> None:
    """Ignore a note that the model of all training rows gives too."""

"""The models of folds: all folds share passes over the training rows, and one Spark stage trains their models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._drawn_rows import DrawnRows
from steelyard.classifier._fit_model import resampled, sampler_of
from steelyard.columns import class_text, flag_bits, has_bit, internal
from steelyard.config import Recipe, ResampleConfig
from steelyard.dataset import Dataset
from steelyard.frames.caching import cached
from steelyard.frames.threads import in_threads
from steelyard.hashing import divided_groups
from steelyard.learning import Model, TrainingRows, train_each
from steelyard.learning.training_data import Chosen
from steelyard.sampling import Sampler
from steelyard.sampling.parts import knowing_draws
from steelyard.sampling.strategy import for_part
from steelyard.splitting import FoldPlan, apply_folds, fold_sides

Change = Callable[[int, TrainingRows], TrainingRows]

FOLD, _PARTS = internal("fold"), internal("parts")


@dataclass(frozen=True)
class FoldModel:
    """The model of one fold, and the rows that it has not seen."""

    fold: int
    model: Model
    unseen: Chosen


def fit_folds(
    recipes: Sequence[Recipe],
    train: DrawnRows,
    stopping: DataFrame,
    dataset: Dataset,
    plan: FoldPlan,
    *,
    change: Callable[[int, TrainingRows], TrainingRows] | None = None,
    scope: ExitStack | None = None,
) -> list[list[FoldModel]]:
    """Fit the models of all folds, for each of several recipes.

    The rows of the other folds (with forward chaining, those before) are resampled and train a model, in one task where
    the trainer is XGBoost, and then one Spark stage trains the models of all folds. Maps of class to rows in
    `sampling_strategy` are reduced by the share of the class's rows that the fold trains on. Threads run the other
    jobs, so that a cluster works on several folds at the same time.

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
    change : callable, optional
        Returns what the model of a fold is trained on, given the fold and its resampled rows. Threads call it.
    scope : ExitStack, optional
        Where folds divide equal rows, the rows are cached until it ends: to place them takes a shuffle, and each fold
        reads them. Default: nothing is cached.

    Returns
    -------
    list of list of FoldModel
        By recipe, then by fold.

    Raises
    ------
    SteelyardError
        The first failure of a model, once the jobs that have begun are done.
    """
    folds = _Folds.of(train, dataset, plan, scope)
    found = []
    for recipe in recipes:
        with ExitStack() as fitting:
            models = _fitted(recipe, folds, stopping, dataset, change, fitting)
        found.append([FoldModel(*of) for of in zip(plan.numbers, models, folds.unseen, strict=True)])
    return found


@dataclass(frozen=True)
class _Folds:
    """The parts of training rows on which the models of folds are trained.

    Parameters
    ----------
    train : DrawnRows
    plan : FoldPlan
    placed : DataFrame
        The rows with `_PARTS`: bit i says whether the model of the fold at place i is trained on a row.
    own : list of DataFrame
        The rows on which each fold's model is trained.
    unseen : list of Chosen
        Those that it scores, of one table.
    trained, counts : list of dict
        Rows of each class on which it is trained: by the plan of all rows, and of `train`.
    """

    train: DrawnRows
    plan: FoldPlan
    placed: DataFrame
    own: list[DataFrame]
    unseen: list[Chosen]
    trained: list[dict[str, int]]
    counts: list[dict[str, int]]

    @classmethod
    def of(cls, train: DrawnRows, dataset: Dataset, plan: FoldPlan, scope: ExitStack | None) -> Self:
        """Return the parts; rows are counted where the plan does not tell their number."""
        rows = apply_folds(train.rows, plan, FOLD)
        sides = [fold_sides(rows, plan, fold, FOLD) for fold in plan.numbers]
        rows = rows.withColumn(_PARTS, flag_bits(own for own, _ in sides).cast("bigint"))
        if scope is not None and divided_groups(plan.cuts):
            rows = scope.enter_context(cached(rows))
        own, scored = [rows.where(own).drop(FOLD, _PARTS) for own, _ in sides], rows.drop(_PARTS)
        unseen = [Chosen(scored, of) for _, of in sides]
        placed, trained = rows.drop(FOLD), [rows_before(plan, fold) for fold in plan.numbers]
        # Counts of a plan include rows that are not drawn, and those in the gap of a split by time.
        counted = plan.method != "temporal" and min(train.rates.values()) == 1
        counts = trained if counted else _counts(placed, dataset, len(sides))
        return cls(train, plan, placed, own, unseen, trained, counts)

    def asked(self, recipe: Recipe) -> list[Recipe]:
        """Return the recipe of each fold."""
        total = {c: max(sum(of[c] for of in self.plan.counts.values()), 1) for c in self.trained[0]}
        return [_of_fold(recipe, {c: n / total[c] for c, n in of.items()}) for of in self.trained]


def _fitted(
    recipe: Recipe, folds: _Folds, stopping: DataFrame, dataset: Dataset, change: Change | None, scope: ExitStack
) -> list[Model]:
    """Return the models of a recipe; new rows are cached in the scope."""
    train, own, asked = folds.train, folds.own, folds.asked(recipe)
    weighted = replace(dataset, weight=train.weight or dataset.weight)

    def each(task: Callable[[int], Any]) -> list[Any]:
        return in_threads(train.rows.sparkSession, [partial(task, i) for i in range(len(own))])

    def sampler(i: int) -> Sampler:
        return sampler_of(asked[i], own[i], weighted, folds.trained[i]).knowing(folds.counts[i])

    def training(i: int) -> TrainingRows:
        chosen = Chosen(folds.placed, has_bit(F.col(_PARTS), i))
        rows = scope.enter_context(resampled(samplers[i], own[i], train.weight, chosen))
        return rows if change is None else change(folds.plan.numbers[i], rows)

    samplers = knowing_draws(each(sampler), train.rows, folds.placed, F.col(_PARTS), folds.counts)
    return train_each(
        [of.train for of in asked],
        each(training),
        stopping,
        dataset,
        original_trains=own,
        rows=folds.placed,
        parts=F.col(_PARTS),
    )


def _counts(placed: DataFrame, dataset: Dataset, parts: int) -> list[dict[str, int]]:
    """Return the rows of each class in each part."""
    label = class_text(placed, dataset.label).alias("class")
    found = placed.where(F.col(_PARTS) > 0).groupBy(_PARTS, label).count().collect()
    counts = [dict.fromkeys(dataset.classes, 0) for _ in range(parts)]
    for bits, name, n in found:
        for i in range(parts):
            counts[i][name] += n * (bits >> i & 1)
    return counts


def rows_before(plan: FoldPlan, fold: int) -> dict[str, int]:
    """Return the rows of each class that train the model of a fold; with forward chaining, before its gap."""
    temporal = plan.method == "temporal"
    parts = [of for name, of in plan.counts.items() if (int(name) < fold if temporal else int(name) != fold)]
    return {c: sum(of[c] for of in parts) for c in parts[0]}


def _of_fold(recipe: Recipe, shares: Mapping[str, float]) -> Recipe:
    """Return the recipe for a part of the rows, which one worker trains on."""
    found = recipe_for_part(recipe, shares)
    return found.model_copy(update={"train": found.train.model_copy(update={"num_workers": 1})})


def recipe_for_part(recipe: Recipe, shares: Mapping[str, float]) -> Recipe:
    """Return a recipe for a part of the rows: maps of class to rows are reduced to the part's share of each class.

    Parameters
    ----------
    recipe : Recipe
    shares : mapping of str to float

    Examples
    --------
    >>> whole = Recipe.of({"resample": {"method": "random_under_sampler", "sampling_strategy": {"0": 90}}})
    >>> recipe_for_part(whole, {"0": 0.5, "1": 0.5}).resample.params
    {'sampling_strategy': {'0': 45}}
    """
    resample = ResampleConfig(method=recipe.resample.method, **for_part(recipe.resample.params, shares))
    train = recipe.train.model_copy(update={"params": for_part(recipe.train.params, shares)})
    return recipe.model_copy(update={"resample": resample, "train": train})

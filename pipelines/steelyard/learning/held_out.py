"""The probability of each row's own class, by a model that was trained on the other folds.

Samplers find this module by its name: `learning` imports them, so they cannot import it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from steelyard.columns import combined
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.extensions import TRAINERS, load_extension
from steelyard.frames.workers import in_worker, one_thread
from steelyard.learning._registry import get_trainer, trainer_names
from steelyard.learning.base import Trainer
from steelyard.learning.local import ESTIMATORS, LocalLearner, predictors

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_PREDICT = ("steelyard.learning.held_out", "predict")
_STOPPING = 10  # one row in so many stops training early, of the rows that a model may see


def learner_names() -> list[str]:
    """Return the names of trainers, and of classifiers that have a short name."""
    return sorted({*trainer_names(), *ESTIMATORS})


def learner_of(name: str, params: Mapping[str, Any], seed: int = 0) -> Trainer | LocalLearner:
    """Return the trainer or scikit-learn classifier of a name.

    Parameters
    ----------
    name : str
        Of a trainer, of a `LocalLearner`, or the dotted path of a class of either kind.
    params : mapping
    seed : int, default 0

    Raises
    ------
    ConfigError
        If there is none of that name, or it does not take the parameters.
    """
    found = load_extension(name, TRAINERS, "estimator") if "." in name else None
    if name in trainer_names() or (isinstance(found, type) and issubclass(found, Trainer)):
        return get_trainer(name, params, seed=seed % 2**31)
    learner = LocalLearner(name, dict(params))
    learner.check()
    return learner


def own_probabilities(
    rows: DataFrame, learner: Trainer | LocalLearner, cv: int, codes: Sequence[int], classes: int, seed: int
) -> DataFrame:
    """Return ``row_id``, ``own`` and ``probability`` for the rows of some classes.

    A trainer is fitted once for each fold, as in a pipeline; those that stop early hold out a tenth of the rows they
    may see. A `LocalLearner` is fitted in `cv` tasks of one stage, each of which holds all rows but a fold.

    Parameters
    ----------
    rows : DataFrame
        ``row_id``, ``own`` (the code of the class), ``features`` (array of double) and ``fold``.
    learner : Trainer or LocalLearner
    cv : int
        Folds.
    codes : sequence of int
        Classes whose rows are returned.
    classes : int
        All classes: they are coded from 0.
    seed : int

    Raises
    ------
    InputError
        If a trainer takes two classes only, and there are more.
    """
    if isinstance(learner, LocalLearner):
        return _in_tasks(rows, learner, cv, codes, seed)
    if learner.two_classes_only and classes > 2:
        raise InputError(f"estimator {learner.name} takes two classes, and the table has {classes}")
    return _by_trainer(rows, learner, cv, codes, classes)


def _by_trainer(rows: DataFrame, trainer: Trainer, cv: int, codes: Sequence[int], classes: int) -> DataFrame:
    from pyspark.sql import functions as F

    known = tuple(map(str, range(classes)))
    data = Dataset("own", ("features",), key=("row_id",), content=("row_id",), classes=known)
    stopping = F.pmod(F.xxhash64("row_id"), F.lit(_STOPPING)) == 0
    parts: list[DataFrame] = []
    for fold in range(cv):
        seen = rows.where(F.col("fold") != fold)
        early = trainer.needs_validation
        train, stop = (seen.where(~stopping), seen.where(stopping)) if early else (seen, seen)
        model = trainer.fit(train, stop, data, original_train=seen)
        asked = rows.where((F.col("fold") == fold) & F.col("own").isin(list(codes)))
        parts.append(model.predict(asked))
    own = F.get("probabilities", F.col("own")).alias("probability")
    return combined(type(rows).unionByName, parts).select("row_id", "own", own)


def _in_tasks(rows: DataFrame, learner: LocalLearner, cv: int, codes: Sequence[int], seed: int) -> DataFrame:
    from pyspark.sql import functions as F

    from steelyard.learning.tasks import PLACE, TASK, fit_tasks

    others = F.filter(F.sequence(F.lit(0), F.lit(cv - 1)), lambda task: task != F.col("fold"))
    each = rows.select(F.explode(others).alias(TASK), F.col("row_id").alias(PLACE), "features", "own")
    labelled = each.withColumns({"label": F.col("own").cast("double"), "weight": F.lit(1.0)})
    models = tuple(found.model for found in fit_tasks(labelled, learner, tasks=cv, seed=seed))
    probability = by_fold(learner, models)(F.struct("features", "own", "fold"))
    asked = rows.where(F.col("own").isin(list(codes)))
    return asked.select("row_id", "own", probability.alias("probability"))


def by_fold(
    learner: LocalLearner, models: tuple[bytes, ...], worker: tuple[str, str] = _PREDICT, **more: Any
) -> Callable[[Column], Column]:
    """Return the function of structs of `features`, `own` and `fold` to a number by the model of the fold.

    `worker` is the module and the name of a function such as `predict`, which `more` is passed to.
    """
    from pyspark.sql.pandas.functions import pandas_udf

    params = json.dumps(learner.to_json()["params"])
    run = in_worker(*worker, estimator=learner.estimator, params=params, models=models, **more)

    def call(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        yield from run(batches)

    found: Callable[[Column], Column] = pandas_udf("double")(call)  # type: ignore[call-overload]
    return found


def predict(
    batches: Iterator[pd.DataFrame], *, estimator: str, params: str, models: tuple[bytes, ...]
) -> Iterator[pd.Series]:
    """Yield each row's probability of its own class by the model of its fold."""
    known = predictors(estimator, params, models)
    with one_thread():
        for batch in batches:
            found = np.zeros(len(batch))
            own, fold = batch["own"].to_numpy(), batch["fold"].to_numpy()
            for k in np.unique(fold):
                inside = np.flatnonzero(fold == k)
                x = np.stack(list(batch["features"].to_numpy()[inside])).astype(np.float32)
                found[inside] = known[k](x)[np.arange(len(inside)), own[inside]]
            yield pd.Series(found)

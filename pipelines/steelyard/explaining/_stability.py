"""How much importances differ between models of several folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.sql import DataFrame

from steelyard.classifier import Classifier
from steelyard.dataset import Dataset
from steelyard.explaining._importances import MOST_CLASSES, NEEDS, draw_sample, importances
from steelyard.frames.caching import cached

TOP = 5
"""Places that count as the top of a model's list; with fewer than nine features, half of them."""

NO_FOLDS = "there are no fold models to compare; train.fold_models: always fits them"


def stability(classifiers: Sequence[Classifier], df: DataFrame, data: Dataset, *, rows: int = 1000) -> dict[str, Any]:
    """Return how the importance of each feature differs between models, the largest mean first.

    All models explain the same rows, so that differences come from the rows that they were trained on. Costs one scan
    of `df` for each class, sorted by hash; what `importances` costs on the sample, once for each model.

    Parameters
    ----------
    classifiers : sequence of Classifier
        The models of the folds of training rows, of one recipe.
    df : DataFrame
        Labelled rows that none of them was trained on.
    data : Dataset
    rows : int, default 1000
        Size of the sample, as in `importances`.

    Returns
    -------
    dict
        `folds` (number of models), `top` (places that count as the top), `features`: a list of `feature`, `mean`,
        `min`, `max` and `in_top`, the number of models in which it is in the top with an importance above 0. Without
        models or importances, `features` is None and `note` says why.

    Examples
    --------
    >>> stability(of_folds, test, data)["features"][0]  # doctest: +SKIP
    {'feature': 'amount', 'mean': 0.81, 'min': 0.74, 'max': 0.9, 'in_top': 5}
    """
    if not classifiers:
        return _without(0, NO_FOLDS)
    if rows <= 0 or len(classifiers[0].classes) > MOST_CLASSES:
        return _without(len(classifiers), NEEDS)
    with cached(draw_sample(df, data, classifiers[0].classes, rows)) as sample:
        lists = [importances(of, sample, data, rows=rows)["features"] for of in classifiers]
    top = min(TOP, (max(map(len, lists)) + 1) // 2)
    return {"folds": len(lists), "top": top, "features": spread(lists, top), "note": None}


def spread(lists: Sequence[Sequence[dict[str, Any]]], top: int) -> list[dict[str, Any]]:
    """Return mean, minimum and maximum of each feature over lists of importances, and in how many it is in the top.

    A feature that a list lacks has importance 0 there.

    Examples
    --------
    >>> one, other = {"feature": "a", "value": 2.0}, {"feature": "b", "value": 5.0}
    >>> for of in spread([[one], [other, one]], 1):
    ...     print(of)
    {'feature': 'b', 'mean': 2.5, 'min': 0.0, 'max': 5.0, 'in_top': 1}
    {'feature': 'a', 'mean': 2.0, 'min': 2.0, 'max': 2.0, 'in_top': 1}
    """
    values = [{of["feature"]: of["value"] for of in one} for one in lists]
    first = [{of["feature"] for of in one[:top] if of["value"] > 0} for one in lists]
    found = []
    for name in dict.fromkeys(of["feature"] for one in lists for of in one):
        own = [one.get(name, 0.0) for one in values]
        numbers = {"mean": float(np.mean(own)), "min": min(own), "max": max(own)}
        found.append({"feature": name, **numbers, "in_top": sum(name in names for names in first)})
    return sorted(found, key=lambda of: -of["mean"])


def _without(folds: int, note: str) -> dict[str, Any]:
    return {"folds": folds, "top": None, "features": None, "note": note}

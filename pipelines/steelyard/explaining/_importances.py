"""How much a classifier depends on each feature, over a bounded sample of rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from steelyard.classifier import Classifier
from steelyard.columns import class_text, col, internal
from steelyard.dataset import Dataset
from steelyard.explaining._mistakes import by_column, columns_of, has_contributions
from steelyard.frames.caching import cached
from steelyard.hashing import row_hash
from steelyard.kernels.arrays import Floats
from steelyard.kernels.curves import average_precision
from steelyard.kernels.intervals import multiplicities, t_quantile

MOST_CLASSES = 20
"""Importances cost a scan for each class, and scores of the sample for each feature and class on the driver."""
NEEDS = f"importances need explain.rows above 0, and at most {MOST_CLASSES} classes"
_DRAWS = 200
_PLACE, _ROW, _FIELD = internal("place"), internal("row"), internal("variant")


def importances(classifier: Classifier, df: DataFrame, data: Dataset, *, rows: int = 1000) -> dict[str, Any]:
    """Return the importance of each feature on labelled rows, the largest first.

    Where a model of two classes gives contributions, an importance is the mean absolute contribution to the margin.
    Else it is the PR area that is lost when the values of the feature are exchanged between rows (permutation
    importance), with more than two classes the mean of the classes' areas. Costs one scan of the rows for each class,
    sorted by hash, and the scoring of the sample; permutations score it once for each feature, in one job.

    Parameters
    ----------
    classifier : Classifier
    df : DataFrame
    data : Dataset
    rows : int, default 1000
        Size of the sample, by the hash of the row: as many of each class, as far as there are so many.

    Returns
    -------
    dict
        `method` (contributions or permutation), `rows` (class → rows of the sample), `features`: a list of `feature`,
        `value` and `ci95`. With more than `MOST_CLASSES` classes, or no rows, `method` is None, and `note` gives
        the reason.

    Examples
    --------
    >>> importances(classifier, test, data)["features"][0]  # doctest: +SKIP
    {'feature': 'amount', 'value': 0.83, 'ci95': [0.78, 0.88]}
    """
    if rows <= 0 or len(classifier.classes) > MOST_CLASSES:
        return {"method": None, "rows": {}, "features": [], "note": NEEDS}
    by_parts = classifier.policy.positive is not None and has_contributions(classifier.model)
    with cached(draw_sample(df, data, classifier.classes, rows)) as sample:
        return (_contributions if by_parts else _permutation)(classifier, sample, data)


def draw_sample(df: DataFrame, data: Dataset, classes: Sequence[str], rows: int) -> DataFrame:
    """Return as many rows of each class, those with the smallest hashes."""
    placed = df.withColumn(_PLACE, row_hash(df, data.identity, 0, "importance"))
    label, each = class_text(df, data.label), -(-rows // len(classes))
    sides = [placed.where(label == F.lit(name)).orderBy(_PLACE).limit(each) for name in classes]
    return reduce(DataFrame.unionByName, sides)


def _contributions(classifier: Classifier, sample: DataFrame, data: Dataset) -> dict[str, Any]:
    model, parts = classifier.model, internal("parts")
    table = (
        model.contributions(sample, parts).select(_PLACE, class_text(sample, data.label).alias("y"), parts).toPandas()
    )
    table = table.sort_values([_PLACE, "y"], kind="stable")
    names, _ = columns_of(model.preprocessing)
    size = np.abs(by_column(np.array(table[parts].tolist(), dtype=np.float64), model.preprocessing))
    half = t_quantile(len(size) - 1) * size.std(axis=0, ddof=1) / np.sqrt(len(size)) if len(size) > 1 else None
    return {
        "method": "contributions",
        "rows": {c: int((table["y"] == c).sum()) for c in classifier.classes},
        "features": _listed(names, size.mean(axis=0), half),
    }


def _permutation(classifier: Classifier, sample: DataFrame, data: Dataset) -> dict[str, Any]:
    """Return what is lost by exchanging values: each row gets those of the row half the sample further, by hash."""
    names, _ = columns_of(classifier.model.preprocessing)
    made = {"probability": internal("p"), "calibrated": internal("c"), "decision": internal("d")}
    variants = _variants(sample, names)
    scored, positive = classifier.transform(variants, **made), classifier.policy.positive
    judged = [c for c in classifier.classes if positive in (None, c)]
    score = F.col(made["calibrated"])
    scores = [score] if positive is not None else [F.try_element_at(score, F.lit(c)) for c in judged]
    label = class_text(scored, data.label).alias("y")
    table = scored.select(_FIELD, _ROW, label, *[of.alias(f"s{i}") for i, of in enumerate(scores)]).toPandas()
    table = table.sort_values([_FIELD, _ROW], kind="stable")
    n = int((table[_FIELD] == 0).sum())
    truth = table["y"].to_numpy()[:n]
    by_class = [table[f"s{i}"].to_numpy(dtype=np.float64).reshape(-1, n) for i in range(len(judged))]
    lost = _lost_area(by_class, [truth == c for c in judged])
    half = 1.96 * lost[:, 1:].std(axis=1, ddof=1)
    rows = {c: int((truth == c).sum()) for c in classifier.classes}
    return {"method": "permutation", "rows": rows, "features": _listed(names, lost[:, 0], half)}


def _lost_area(scores: Sequence[Floats], labels: Sequence[NDArray[np.bool_]]) -> Floats:
    """Return the PR area that each feature's exchange loses, as it is and in each draw: the mean of the classes.

    Parameters
    ----------
    scores : sequence of array of float, shape (1 + features, rows)
        Of each class, first without an exchange.
    labels : sequence of array of bool, shape (rows,)
        Classes without a row are left out.
    """
    n = scores[0].shape[1]
    weights = np.vstack([np.ones(n), multiplicities(n, _DRAWS)])
    known = [(of, own) for of, own in zip(scores, labels, strict=True) if own.any()]
    areas = [np.array([_areas(variant, own, weights) for variant in of]) for of, own in known]
    lost: Floats = np.mean([np.nan_to_num(of[0] - of[1:]) for of in areas], axis=0)  # a draw without a class loses none
    return lost


def _variants(sample: DataFrame, names: list[str]) -> DataFrame:
    """Return the sample once as it is, and once for each feature with that feature's values from other rows."""
    numbered = sample.withColumn(_ROW, F.row_number().over(Window.orderBy(_PLACE)) - 1)
    total = F.count(F.lit(1)).over(Window.partitionBy())
    numbered = numbered.withColumn(internal("n"), total)
    # By hash, so that a shift is a random exchange; a prime, so that few rows keep their class's order.
    other = numbered.select(
        F.pmod(F.col(_ROW) + F.floor(F.col(internal("n")) / 2).cast("int"), F.col(internal("n"))).alias(_ROW),
        *[col(name).alias(internal(f"other_{i}")) for i, name in enumerate(names)],
    )
    joined = numbered.join(F.broadcast(other), _ROW)
    spread = joined.withColumn(_FIELD, F.explode(F.sequence(F.lit(0), F.lit(len(names)))))
    changed = {
        name: F.when(F.col(_FIELD) == i + 1, F.col(internal(f"other_{i}"))).otherwise(col(name))
        for i, name in enumerate(names)
    }
    return spread.withColumns(changed).drop(*[internal(f"other_{i}") for i in range(len(names))])


def _areas(score: Floats, label: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the PR area under each row of weights."""
    values, place = np.unique(-score, return_inverse=True)
    pos, neg = (np.zeros((len(weights), len(values))) for _ in range(2))
    for side, of in ((pos, label), (neg, ~label)):
        np.add.at(side.T, place[of], weights[:, of].T)
    found: Floats = average_precision(pos, neg)
    return found


def _listed(names: list[str], value: Floats, half: Floats | None) -> list[dict[str, Any]]:
    order = np.argsort(-value, kind="stable")
    return [
        {
            "feature": names[k],
            "value": float(value[k]),
            "ci95": None if half is None else [float(value[k] - half[k]), float(value[k] + half[k])],
        }
        for k in order
    ]

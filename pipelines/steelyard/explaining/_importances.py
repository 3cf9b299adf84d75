"""How much a classifier depends on each feature, over a bounded sample of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from steelyard.classifier import Classifier
from steelyard.columns import class_text, col, internal
from steelyard.dataset import Dataset
from steelyard.explaining._mistakes import by_column, columns_of, has_contributions
from steelyard.hashing import row_hash
from steelyard.kernels.arrays import Floats
from steelyard.kernels.curves import average_precision
from steelyard.kernels.intervals import multiplicities, t_quantile

_DRAWS = 200
_PLACE, _ROW, _FIELD = internal("place"), internal("row"), internal("variant")


def importances(classifier: Classifier, df: DataFrame, data: Dataset, *, rows: int = 1000) -> dict[str, Any]:
    """Return the importance of each feature on labelled rows, the largest first.

    Where a model gives contributions, an importance is the mean absolute contribution to the margin. Else it is the PR
    area that is lost when the values of the feature are exchanged between rows (permutation importance). Costs one scan
    of the rows, sorted by hash within the two classes, and the scoring of the sample; permutations score it once for
    each feature, in one job.

    Parameters
    ----------
    classifier : Classifier
        Of two classes.
    df : DataFrame
    data : Dataset
    rows : int, default 1000
        Size of the sample, by the hash of the row: half of them positive rows, as far as there are so many.

    Returns
    -------
    dict
        `method` (contributions or permutation), `rows` (class → rows of the sample), `features`: a list of `feature`,
        `value` and `ci95`.

    Examples
    --------
    >>> importances(classifier, test, data)["features"][0]  # doctest: +SKIP
    {'feature': 'amount', 'value': 0.83, 'ci95': [0.78, 0.88]}
    """
    positive = classifier.policy.positive
    if positive is None or rows <= 0:
        return {"method": None, "rows": {}, "features": []}
    sample = draw_sample(df, data, positive, rows)
    found = _contributions(classifier, sample, data) if has_contributions(classifier.model) else None
    return found if found is not None else _permutation(classifier, sample, data)


def draw_sample(df: DataFrame, data: Dataset, positive: str, rows: int) -> DataFrame:
    """Return rows of both classes with the smallest hashes."""
    placed = df.withColumn(_PLACE, row_hash(df, data.identity, 0, "importance"))
    own = class_text(df, data.label) == F.lit(positive)
    half = (rows + 1) // 2
    sides = [placed.where(side).orderBy(_PLACE).limit(half) for side in (own, ~own)]
    return sides[0].unionByName(sides[1])


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
    truth = class_text(sample, data.label) == F.lit(classifier.policy.positive)
    scored = classifier.transform(variants, **made)
    table = scored.select(_FIELD, _ROW, truth.alias("y"), F.col(made["calibrated"]).alias("s")).toPandas()
    table = table.sort_values([_FIELD, _ROW], kind="stable")
    n = int((table[_FIELD] == 0).sum())
    score = table["s"].to_numpy(dtype=np.float64).reshape(-1, n)
    label = table["y"].to_numpy(dtype=bool)[:n]
    weights = np.vstack([np.ones(n), multiplicities(n, _DRAWS)])
    areas = np.array([_areas(of, label, weights) for of in score])
    lost = areas[0] - areas[1:]
    half = 1.96 * lost[:, 1:].std(axis=1, ddof=1)
    rows = {c: int(label.sum() if c == classifier.policy.positive else (~label).sum()) for c in classifier.classes}
    return {"method": "permutation", "rows": rows, "features": _listed(names, lost[:, 0], half)}


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

"""Contributions of features to the scores of rows, and the rows that are decided wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.classifier import Classifier
from steelyard.columns import check_free, class_text, col, internal
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.hashing import row_hash
from steelyard.learning import Model, Preprocessing

MISSED, FALSE_ALARM, CAUGHT = "missed", "false_alarm", "caught"
_SHOWN = 5  # features of a row
_NAMING = 20  # columns that name a row where there is no key
_MADE = ("score", "decision", "margin", "bias", "contributions")
_SCORE, _DECISION, _PARTS, _KIND = (internal(n) for n in ("explained_score", "explained", "parts", "kind"))


def has_contributions(model: Model) -> bool:
    """Return whether a model gives contributions of features to single rows."""
    return type(model)._contributions is not Model._contributions


def columns_of(preprocessing: Preprocessing) -> tuple[list[str], list[int]]:
    """Return the raw feature columns of a model, and for each of its numbers the place of its column."""
    names = list(dict.fromkeys(f.column for f in preprocessing.features))
    return names, [names.index(f.column) for f in preprocessing.features for _ in f.names]


def by_column(parts: NDArray[np.float64], preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Return contributions added up by raw column, without the bias: shape (rows, columns)."""
    names, places = columns_of(preprocessing)
    found = np.zeros((len(parts), len(names)))
    np.add.at(found.T, np.asarray(places, dtype=np.intp), parts[:, : len(places)].T)
    return found


def contributions_table(classifier: Classifier, df: DataFrame, names: Sequence[Column] = ()) -> DataFrame:
    """Return scored rows with the contribution of each feature to the margin of the score. Nothing runs yet.

    The contributions of a row, `bias` included, add up to the margin of the model's own probability: for XGBoost, whose
    contributions are single floats, to 1e-4 times the margin (or to 1e-4 below a margin of 1); for linear models to
    1e-9. The margin is the logarithm of the odds; with focal losses, the probability is another rising function of it.

    Parameters
    ----------
    classifier : Classifier
        Of two classes.
    df : DataFrame
        With the features of the model.
    names : sequence of Column
        Columns of `df` that are returned too.

    Returns
    -------
    DataFrame
        `names`, `score` (calibrated), `decision`, `margin`, `bias` and `contributions`, a map from feature to double.

    Raises
    ------
    InputError
        If the model has no contributions, or more than two classes.
    """
    check_contributions(classifier)
    check_free(df.select(*names).columns, [*_MADE], "contributions")
    features, places = columns_of(classifier.model.preprocessing)
    rows = classifier.model.contributions(_decided(classifier, df), _PARTS)
    part = [F.get(_PARTS, F.lit(i)) for i in range(len(places))]
    sums = [_total([part[i] for i, at in enumerate(places) if at == k]) for k in range(len(features))]
    pairs = [of for name, value in zip(features, sums, strict=True) for of in (F.lit(name), value)]
    return rows.select(
        *names,
        F.col(_SCORE).alias("score"),
        F.col(_DECISION).alias("decision"),
        F.aggregate(_PARTS, F.lit(0.0), lambda total, x: total + x).alias("margin"),
        F.get(_PARTS, F.lit(len(places))).alias("bias"),
        F.create_map(*pairs).alias("contributions"),
    )


def _total(parts: Sequence[Column]) -> Column:
    found = parts[0]
    for part in parts[1:]:
        found = found + part
    return found


def check_contributions(classifier: Classifier) -> None:
    """Raise `InputError` for a classifier that gives no contributions to single rows. Needs no Spark session."""
    if classifier.policy.positive is None:
        raise InputError("contributions to single rows need two classes")
    if not has_contributions(classifier.model):
        raise InputError(f"models of {classifier.model.trainer} give no contributions of features")


def _decided(classifier: Classifier, df: DataFrame) -> DataFrame:
    made = {"probability": internal("explained_probability"), "calibrated": _SCORE, "decision": _DECISION}
    return classifier.transform(df, **made).drop(made["probability"])


def mistakes(classifier: Classifier, df: DataFrame, data: Dataset, *, rows: int = 1000) -> list[dict[str, Any]]:
    """Return the missed positives with the lowest scores and the false alarms with the highest, and why.

    Costs three scans of the rows with scoring, in one job; the driver holds two times `rows` rows.

    Parameters
    ----------
    classifier : Classifier
        Of two classes.
    df : DataFrame
        Labelled rows.
    data : Dataset
    rows : int, default 1000
        At most so many: half of them missed, half false alarms.

    Returns
    -------
    list of dict
        `kind` (missed, false_alarm), `key` (column → value as text; without a key, of the first 20 columns), `score`,
        and where the model gives contributions `contributions` (the five largest: `feature`, `value`, `contribution`)
        and for missed positives `nearest`: the caught positive with the most similar contributions, of at most `rows`,
        by `key`, `score` and `distance`.
    """
    if classifier.policy.positive is None or rows <= 0:
        return []
    found = _selected(classifier, df, data, rows).toPandas()
    model, keys = classifier.model, _naming(data)
    names, _ = columns_of(model.preprocessing)
    parts = None
    if has_contributions(model) and len(found):
        parts = by_column(np.array(found[_PARTS].tolist(), dtype=np.float64), model.preprocessing)
    kinds = found[_KIND].to_numpy()
    caught = np.flatnonzero(kinds == CAUGHT)
    made = []
    for i in map(int, np.flatnonzero(kinds != CAUGHT)):
        row = found.iloc[i]
        one: dict[str, Any] = {"kind": row[_KIND], "key": _key(row, keys), "score": float(row[_SCORE])}
        if parts is not None:
            order = np.argsort(-np.abs(parts[i]), kind="stable")[:_SHOWN]
            one["contributions"] = [
                {"feature": names[k], "value": _shown(row, names[k]), "contribution": float(parts[i, k])} for k in order
            ]
            if row[_KIND] == MISSED and len(caught):
                one["nearest"] = _nearest(found, parts, i, caught, keys)
        made.append(one)
    return made


def _nearest(
    found: Any, parts: NDArray[np.float64], i: int, caught: NDArray[np.intp], keys: list[str]
) -> dict[str, Any]:
    distance = np.sqrt(((parts[caught] - parts[i]) ** 2).sum(axis=1))
    best = int(caught[int(distance.argmin())])
    row = found.iloc[best]
    return {"key": _key(row, keys), "score": float(row[_SCORE]), "distance": float(distance.min())}


def _selected(classifier: Classifier, df: DataFrame, data: Dataset, rows: int) -> DataFrame:
    """Return the rows to explain, and caught positives by hash, with their contributions; the order is fixed."""
    place = internal("place")
    positive = F.lit(classifier.policy.positive)
    judged = _decided(classifier, df).withColumn(place, row_hash(df, data.identity, 0, "explain"))
    label, alarm = class_text(df, data.label) == positive, F.col(_DECISION) == positive
    score, half = F.col(_SCORE), (rows + 1) // 2
    taken = [
        judged.where(label & ~alarm).orderBy(score, place).limit(half).withColumn(_KIND, F.lit(MISSED)),
        judged.where(~label & alarm).orderBy(score.desc(), place).limit(half).withColumn(_KIND, F.lit(FALSE_ALARM)),
        judged.where(label & alarm).orderBy(place).limit(rows).withColumn(_KIND, F.lit(CAUGHT)),
    ]
    union = taken[0].unionByName(taken[1]).unionByName(taken[2])
    model = classifier.model
    names, _ = columns_of(model.preprocessing)
    known = has_contributions(model)
    union = model.contributions(union, _PARTS) if known else union.withColumn(_PARTS, F.lit(None))
    shown = list(dict.fromkeys([*_naming(data), *names]))
    return union.select(_KIND, _SCORE, _PARTS, *[col(n).cast("string").alias(n) for n in shown])


def _naming(data: Dataset) -> list[str]:
    """Return the columns by which rows are named."""
    return list(data.key or data.content[:_NAMING])


def _key(row: Any, keys: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in keys}


def _shown(row: Any, name: str) -> str | None:
    value = row[name]
    return value if isinstance(value, str) else None

"""How probable the class of each row is to a model that hasn't seen the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import col, combined, internal
from steelyard.frames.caching import cached
from steelyard.hashing import ROW_ID, cuts, row_hash, with_side
from steelyard.labels import class_order
from steelyard.sampling.applying import identified
from steelyard.sampling.neighborhood import CODE, coded
from steelyard.sampling.plan import SamplingPlan
from steelyard.sampling.space import Space

_ROWS = 100_000  # in a partition of training rows: from the table's size alone, so that fits are reproducible
FOLD, LABEL, FEATURES = internal("fold"), internal("label"), internal("features")
_NUMBERS, _PROBABILITY = internal("numbers"), internal("probability")


@contextmanager
def learnable(
    df: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int], cv: int
) -> Iterator[DataFrame]:
    """Give the rows as estimators want them, cached: ``row_id``, ``own``, `LABEL`, `FEATURES`, `FOLD`.

    Folds hold the same number of rows of each class, but for one more or less, by hashes of ids.
    """
    rows = _assembled(identified(df, plan), plan, space, counts)
    partitions = -(-sum(counts.values()) // _ROWS)
    spread = rows.repartition(partitions, "row_id").sortWithinPartitions("row_id")
    with cached(spread) as kept:
        position = row_hash(kept, ["row_id"], plan.seed, f"{plan.purpose}/folds")
        own = F.col("own")
        quotas = {str(i): [counts[c] * f // cv for f in range(1, cv)] for i, c in enumerate(class_order(counts))}
        yield with_side(kept, position, own, cuts(kept, position, own, quotas, ties="exact"), FOLD)


def _assembled(rows: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int]) -> DataFrame:
    filled = coded(rows, plan, space, counts)
    # Spark's encoders don't take empty strings for values.
    texts = [F.concat(F.lit("="), F.coalesce(col(c).cast("string"), F.lit(""))) for c in space.features.categories]
    names = [internal(f"text{i}") for i in range(len(texts))]
    known = [
        F.col(ROW_ID).alias("row_id"),
        F.col(CODE).alias("own"),
        F.col(CODE).cast("double").alias(LABEL),
    ]
    numbers = array_to_vector(space.numbers(filled)).alias(_NUMBERS)
    narrow = filled.select(*known, numbers, *[t.alias(n) for t, n in zip(texts, names, strict=True)])
    return _encoded(narrow, names).select("row_id", "own", LABEL, FEATURES)


def _encoded(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """Return the rows with `FEATURES`: numbers, and a column for each value of a category."""
    if not names:
        return rows.withColumnRenamed(_NUMBERS, FEATURES)
    places, ones = [f"{n}_place" for n in names], [f"{n}_ones" for n in names]
    indexed = StringIndexer(inputCols=list(names), outputCols=places).fit(rows).transform(rows)
    encoded = OneHotEncoder(inputCols=places, outputCols=ones, dropLast=False).fit(indexed).transform(indexed)
    return VectorAssembler(inputCols=[_NUMBERS, *ones], outputCol=FEATURES).transform(encoded)


def own_probabilities(rows: DataFrame, estimator: Any, cv: int, codes: Sequence[int]) -> DataFrame:
    """Return ``row_id``, ``own`` and ``values``, the one probability of its class, for the rows of some classes.

    The estimator is fitted once for each fold, on the others.
    """
    columns = {"featuresCol": FEATURES, "labelCol": LABEL, "probabilityCol": _PROBABILITY}
    prepared = estimator.copy({estimator.getParam(name): column for name, column in columns.items()})
    parts: list[DataFrame] = []
    for fold in range(cv):
        model = prepared.fit(rows.where(F.col(FOLD) != fold))
        asked = rows.where((F.col(FOLD) == fold) & F.col("own").isin(list(codes)))
        every = vector_to_array(F.col(_PROBABILITY)).alias("all")
        parts.append(model.transform(asked).select("row_id", "own", every))
    # A class that a model hasn't seen at all may have no place among its probabilities.
    own = F.coalesce(F.get("all", F.col("own")), F.lit(0.0))
    together = combined(DataFrame.unionByName, parts)
    return together.select("row_id", "own", F.array(own).alias("values"))


def named_probabilities(
    rows: DataFrame, named: Mapping[str, Any], cv: int, codes: Sequence[int], classes: int, seed: int
) -> DataFrame:
    """Return what `own_probabilities` does, by a trainer or classifier of a name."""
    learner = held_out().learner_of(named["estimator"], named["params"], seed)
    features = vector_to_array(F.col(FEATURES)).alias("features")
    plain = rows.select("row_id", "own", features, F.col(FOLD).cast("int").alias("fold"))
    found: DataFrame = held_out().own_probabilities(plain, learner, cv, codes, classes, seed)
    return found.select("row_id", "own", F.array("probability").alias("values"))


def held_out() -> Any:
    """Return the module that trains models by name. It is above this one, which it imports."""
    return import_module("steelyard.learning.held_out")

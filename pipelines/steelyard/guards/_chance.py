"""Estimate the share of test rows that equal a training row by chance, for features that are few or coarse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from steelyard.columns import col
from steelyard.guards._same_rows import holds_numbers, part_names, part_of, rounded
from steelyard.guards._seen import Overlaps
from steelyard.hashing import HASH_BITS, row_hash
from steelyard.kernels.coincidence import COMBINATIONS, chance_of_twin

TIMES_CHANCE = 2
"""Tolerated multiple of what chance gives: features may depend on each other in ways that the estimate ignores."""

_CONFIDENCE = 0.99
_SAMPLE = 4000  # contents of test rows: a share of 0.5 % is estimated with a standard error of 0.1 % or less


def with_chances(df: DataFrame, found: Overlaps) -> Overlaps:
    """Add the share of rows that are the same by chance, for each kind whose verdict depends on it.

    Two scans and actions for each kind of which more rows are the same than it allows without chance.
    """
    return replace(found, chances=tuple(_chance(df, kind, found) for kind in found.kinds))


def _chance(df: DataFrame, kind: Any, found: Overlaps) -> float | None:
    beyond, (first, second, *_) = kind[4], part_names(kind[1])
    if beyond is None:
        return None
    total, twins = found.rows(kind, second, first)
    return share_by_chance(df, kind, found.rows(kind, first, second)[0]) if twins > most_twins(total, beyond) else None


def most_twins(rows: int, max_share: float, chance: float = 0.0) -> int:
    """Return how many of `rows` test rows may have twins: the 99 % quantile of a Poisson distribution.

    Its mean is a share of `max_share` plus twice what chance gives.

    Examples
    --------
    >>> most_twins(1000, 0.001), most_twins(1000, 0.001, 0.1), most_twins(1000, 0.0)
    (4, 235, 0)
    """
    from scipy.special import pdtr  # tenths of a second of each command's start

    mean = rows * (max_share + TIMES_CHANCE * chance)
    most = int(mean)  # the quantile is not below it
    while pdtr(most, mean) < _CONFIDENCE:
        most += 1
    return most


def share_by_chance(df: DataFrame, kind: Any, total: int) -> float:
    """Return the share of the rows of the second part that equal a row of the first by chance.

    Two scans of the features, two actions. At most 4,000 contents of test rows reach the driver, as seven hashes each.
    They are drawn by hashes in proportion to their rows, so the estimate does not depend on the partitioning. See
    `steelyard.kernels.coincidence.chance_of_twin`.

    Parameters
    ----------
    df : DataFrame
    kind : list
        See `steelyard.guards._needs.same_rows`.
    total : int
        Rows of the first part.
    """
    rows = df.select(F.array(*_combinations(_thirds(df, kind))).alias("h"), part_of(df, kind[1]))
    sample = _sample(rows.where(F.col("part") == 1))
    weights = _weights(sample)[:_SAMPLE]
    contents = [r["h"] for r in sample[:_SAMPLE]]
    found = _count(rows.where(F.col("part") == 0), contents)
    counts = np.array([[found.get(h, 0) for h in of] for of in contents], dtype=np.int64)
    counts = counts.reshape(len(contents), len(COMBINATIONS))
    return float(np.average(chance_of_twin(counts, total), weights=weights)) if contents else 0.0


def _thirds(df: DataFrame, kind: Any) -> list[Column]:
    """Return a hash of each third of the features. The elements of vectors and arrays are divided too."""
    columns, _, digits, *_ = kind
    parts: list[list[Column]] = [[], [], []]
    scalars = 0
    for name in sorted(columns):
        value = rounded(df, name, digits)
        if holds_numbers(df, name):
            for place, part in enumerate(parts):
                part += [col(name).isNull(), _every_third(value, place)]
        else:
            parts[scalars % 3] += [col(name).isNull(), value]
            scalars += 1
    return [F.xxhash64(F.lit(place), *part) for place, part in enumerate(parts)]


def _every_third(array: Column, place: int) -> Column:
    return F.filter(array, lambda _, i: i % 3 == place)


def _combinations(thirds: Sequence[Column]) -> list[Column]:
    return [F.xxhash64(F.lit(str(places)), *(thirds[i] for i in places)) for places in COMBINATIONS]


def _sample(rows: DataFrame) -> list[Row]:
    """Draw contents without replacement, in proportion to their rows: `_SAMPLE` and one more, if there are so many.

    Each content gets an exponential time whose rate is its number of rows; the smallest are drawn (Efraimidis and
    Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97, 2006).
    """
    contents = rows.groupBy("h").agg(F.count(F.lit(1)).alias("n"))
    uniform = (row_hash(contents, ["h"], 0, "twins by chance").cast("double") + 1) / F.lit(float(2**HASH_BITS))
    waits = (-F.log(uniform) / F.col("n")).alias("wait")
    return contents.select("h", "n", waits).orderBy("wait", "h").limit(_SAMPLE + 1).collect()


def _weights(sample: Sequence[Row]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the weight of each content: its rows over the probability that it was drawn."""
    n = np.array([r["n"] for r in sample], dtype=np.float64)
    return n if len(sample) <= _SAMPLE else n / -np.expm1(-n * sample[-1]["wait"])


def _count(rows: DataFrame, contents: Sequence[Sequence[int]]) -> dict[int, int]:
    """Count the rows that have each of some hashes."""
    wanted = sorted({h for of in contents for h in of})
    small = rows.sparkSession.createDataFrame([(h,) for h in wanted], "each bigint")
    each = rows.select(F.explode("h").alias("each")).join(F.broadcast(small), "each")
    return {r["each"]: r["count"] for r in each.groupBy("each").count().collect()}

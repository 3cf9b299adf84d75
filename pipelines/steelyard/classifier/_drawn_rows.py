"""Draws of the largest classes, where training rows are too many for one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, of_key, unused_name
from steelyard.dataset import Dataset
from steelyard.ensemble.base import MAX_CELLS
from steelyard.hashing import HASH_BITS, Cut, Ties, cuts, row_hash, select

MAX_ROWS = 1_000_000


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

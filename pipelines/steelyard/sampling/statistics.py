"""Statistics for decisions, from bounded hash samples in NumPy: the same in any partitioning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, dtype, of_key
from steelyard.hashing import find_heavy_groups, is_clumped, row_hash, sample_limit
from steelyard.kernels.distance import LARGEST
from steelyard.sampling.features import Features, is_float, numbers_of

_SAMPLE_ROWS = 1 << 14
_SAMPLE_VALUES = 1 << 22
_FEWEST_OF_CLASS = 256

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Rows with the smallest hashes, in the order of their hashes.

    Parameters
    ----------
    numbers : array, shape (n, d)
        NaN where a value is missing.
    categories : list of array of object, shape (n,)
        String forms of each category; None where missing.
    counts : array, shape (n,)
        Number of copies of each row; in pooled samples, its weight.
    """

    numbers: Floats
    categories: list[NDArray[np.object_]]
    counts: Counts

    def medians(self) -> list[float | None]:
        """Return the lower median of each number; None where all are missing."""
        found = quantile(self.numbers, self.counts, 0.5).tolist() if len(self.numbers) else [np.nan] * self.width
        return [None if np.isnan(v) else v for v in found]

    def modes(self) -> list[str | None]:
        """Return the most frequent value of each category; ties in alphabetical order."""
        return [_commonest(values, self.counts) for values in self.categories]

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return int(self.numbers.shape[1])


def feature_scale(
    df: DataFrame, identity: Sequence[str], features: Features, widths: Mapping[str, int], how: str, total: int
) -> list[float] | None:
    """Return the divisor of each number, from a sample of all rows; None for "none".

    The sample has about 16,000 rows, fewer if rows are wide. The divisor of a constant number is 1.

    Parameters
    ----------
    df : DataFrame
    identity : sequence of str
    features : Features
    widths : mapping of str to int
        Numbers in each feature that is not a category.
    how : {"none", "standard", "robust"}
        Standard deviation, or interquartile range.
    total : int
        Rows of `df`.
    """
    width = sum(widths.values())
    if how == "none" or not width:
        return None
    numbers = Features(features.numbers)
    position = row_hash(df, {*identity, *features.numbers}, 0, "scale")
    wanted = max(min(_SAMPLE_ROWS, _SAMPLE_VALUES // width), 2)
    sample = _sampled(df, position, F.lit(""), wanted, {"": total}, numbers, widths)[""]
    found: list[float] = spread(sample.numbers, sample.counts, how).tolist()
    return found


def class_samples(
    df: DataFrame,
    identity: Sequence[str],
    label: str,
    features: Features,
    widths: Mapping[str, int],
    counts: Mapping[str, int],
    position: Column | None = None,
) -> dict[str, Sample]:
    """Return a sample of each class: all rows, or about 16,000 of them, fewer with wide rows or many classes.

    Costs one scan of the table.

    Parameters
    ----------
    df : DataFrame
    identity : sequence of str
    label : str
    features : Features
    widths : mapping of str to int
    counts : mapping of str to int
        Rows of the requested classes.
    position : Column, optional
        Hash that decides which rows are in the sample; by default that of `identity` and the features.
    """
    values = max(sum(widths.values()) + len(features.categories), 1) * len(counts)
    wanted = max(min(_SAMPLE_ROWS, _SAMPLE_VALUES // values), _FEWEST_OF_CLASS)
    if position is None:
        position = row_hash(df, {*identity, *features.names}, 0, "class sample")
    return _sampled(df, position, class_text(df, label), wanted, counts, features, widths)


def _sampled(
    df: DataFrame,
    position: Column,
    within: Column,
    wanted: int,
    sizes: Mapping[str, int],
    features: Features,
    widths: Mapping[str, int],
) -> dict[str, Sample]:
    """Return about `wanted` rows of each stratum `within`: those with the smallest hashes.

    Equal rows share a hash, so that the sample would contain a heavy group of them as a whole or not at all. If the
    first sample shows heavy groups, all of them are added with their proportion of the sample, in two more scans.
    """
    codes = [f"c{i}" for i in range(len(features.categories))]
    parts = [within.alias("s"), position.alias("p"), numbers_of(df, features.numbers, widths).alias("x")]
    parts += [_text(df, f).alias(c) for f, c in zip(features.categories, codes, strict=True)]
    rows = df.select(*parts)
    limits = {s: sample_limit(wanted, n) for s, n in sizes.items()}
    drawn = F.col("p") <= of_key(limits, F.col("s"), "bigint")
    # Equal rows are counted instead of listed, so that the sample is small.
    whole = [F.min(c).alias(c) for c in ("x", *codes)]
    found = rows.where(drawn).groupBy("s", "p").agg(*whole, F.count(F.lit(1)).cast("double").alias("n")).toArrow()
    copies, strata = found["n"].to_numpy(), np.asarray(found["s"].to_pylist(), dtype=object)
    if any(is_clumped(copies[strata == s], min(wanted, n)) for s, n in sizes.items() if n > wanted):
        heavy = find_heavy_groups(df.select(within.alias("s"), position.alias("p")), sizes)
        shares = [(s, p, min(wanted / sizes[s], 1.0)) for s, of in heavy.items() for p in of]
        table = F.broadcast(df.sparkSession.createDataFrame(shares, "s string, p bigint, share double"))
        known = rows.join(table, ["s", "p"], "left").where(drawn | F.col("share").isNotNull())
        n = F.sum(F.coalesce("share", F.lit(1.0))).alias("n")
        found = known.groupBy("s", "p").agg(*whole, n).toArrow() if heavy else found
    samples = _by_stratum(found, codes, sum(widths.values()))
    empty = Sample(np.empty((0, sum(widths.values()))), [np.empty(0, object)] * len(codes), np.empty(0))
    return {s: samples.get(s, empty) for s in sizes}


def _by_stratum(found: Any, codes: Sequence[str], width: int) -> dict[str, Sample]:
    order = np.argsort(found["p"].to_numpy(), kind="stable")
    flat = found["x"].combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(float)
    numbers = flat.reshape(-1, width)[order] if len(flat) else np.empty((len(order), 0))
    categories = [np.asarray(found[c].to_pylist(), dtype=object)[order] for c in codes]
    names, counts = np.asarray(found["s"].to_pylist(), dtype=object)[order], found["n"].to_numpy()[order]
    kept = {name: np.flatnonzero(names == name) for name in set(names.tolist())}
    return {n: Sample(numbers[rows], [c[rows] for c in categories], counts[rows]) for n, rows in kept.items()}


def _text(df: DataFrame, category: str) -> Column:
    value = col(category)
    return F.when(~F.isnan(value), value.cast("string")) if is_float(dtype(df, category)) else value.cast("string")


def pooled(samples: Mapping[str, Sample], counts: Mapping[str, int]) -> Sample:
    """Return samples of classes as one of all rows, weighted by the rows of the classes."""
    parts = list(samples.values())
    weights = [s.counts * (counts[c] / max(int(s.counts.sum()), 1)) for c, s in samples.items()]
    categories = [np.concatenate(of) for of in zip(*(s.categories for s in parts), strict=True)]
    return Sample(np.concatenate([s.numbers for s in parts]), categories, np.concatenate(weights))


def spread(values: Floats, counts: Counts, how: str, *, constant: float = 1.0) -> Floats:
    """Return the spread of each column, with rows weighted by `counts` and NaN left out; `constant` if it is 0."""
    known = np.where(np.isnan(values), 0.0, values)
    if how == "standard":
        found = _deviation(values, counts)
    else:
        found = quantile(values, counts, 0.75) - quantile(values, counts, 0.25)
    # The deviation of a constant may be a rounding error instead of 0.
    # A large number outside the sample, divided by less than 1 / LARGEST, would be infinite.
    tiny = np.maximum(16 * np.finfo(float).eps * np.abs(known).max(axis=0, initial=0.0), 1 / LARGEST)
    return np.where(np.isnan(found) | (found <= tiny), constant, found)


def _deviation(values: Floats, counts: Counts) -> Floats:
    """Return the standard deviation of each column, with rows weighted by `counts` and NaN left out."""
    weights = counts[:, None] * ~np.isnan(values)
    total = weights.sum(axis=0)
    known = np.where(weights > 0, values, 0.0)
    with np.errstate(invalid="ignore"):
        mean = (known * weights).sum(axis=0) / total
        found: Floats = np.sqrt((np.square(known - mean) * weights).sum(axis=0) / total)
    return found


def mean(sample: Sample) -> Floats:
    """Return the mean of each number, NaN values left out; 0 where all are missing."""
    known = ~np.isnan(sample.numbers)
    weights = sample.counts[:, None] * known
    found: Floats = (np.where(known, sample.numbers, 0.0) * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1)
    # Rounding must not move the mean of a constant out of its range.
    low, high = (f(np.where(known, sample.numbers, fill), axis=0) for f, fill in ((np.min, np.inf), (np.max, -np.inf)))
    return np.where(known.any(axis=0), np.clip(found, low, high), 0.0)


def quantile(values: Floats, counts: Counts, q: float) -> Floats:
    """Return the lower quantile of each column; NaN if there is none."""
    order = np.argsort(values, axis=0, kind="stable")  # NaN come last
    weights = counts[:, None] * ~np.isnan(values)
    reached = np.cumsum(np.take_along_axis(weights, order, axis=0), axis=0)
    place = (reached < q * weights.sum(axis=0)).sum(axis=0)
    found: Floats = np.take_along_axis(np.take_along_axis(values, order, axis=0), place[None], axis=0)[0]
    return found


def _commonest(values: NDArray[np.object_], counts: Counts) -> str | None:
    votes: dict[str, float] = {}
    for value, n in zip(values, counts.tolist(), strict=True):
        if value is not None:
            votes[value] = votes.get(value, 0) + n
    return min(votes, key=lambda v: (-votes[v], v), default=None)

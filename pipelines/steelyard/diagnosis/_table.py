"""The diagnosed table: its rarest class, samples of its classes, and its feature space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame

from steelyard.columns import class_text, col
from steelyard.dataset import Dataset
from steelyard.diagnosis._rows import IDENTITY, MANY, SAMPLE, WHO, hashed, stored
from steelyard.errors import InputError
from steelyard.frames.neighbors import Search
from steelyard.sampling.features import Features, find_features
from steelyard.sampling.space import Space, category_penalty
from steelyard.sampling.statistics import Sample, class_samples, pooled, spread
from steelyard.sampling.survey import survey

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Data that all parts of the diagnosis share.

    Parameters
    ----------
    df : DataFrame
        With the hashes of `steelyard.diagnosis._rows`, and many features as arrays.
    dataset : Dataset
    counts : mapping of str to int
        Rows of each class that is there, the rarest last; of equal ones the last of the alphabet.
    features : Features
    space : Space
        Gaps in numbers are filled with medians of all rows, not of the class: that would bring rows of one class
        nearer to each other. A gap in a category is a category of its own.
    columns : Space
        The same space by the columns of `df`.
    samples : mapping of str to Sample
        Of each class.
    """

    df: DataFrame
    dataset: Dataset
    counts: Mapping[str, int]
    features: Features
    space: Space
    columns: Space
    samples: Mapping[str, Sample]

    @property
    def rarest(self) -> str:
        """The class with the fewest rows."""
        return list(self.counts)[-1]

    @property
    def total(self) -> int:
        """Rows of the table."""
        return sum(self.counts.values())

    @property
    def own(self) -> Column:
        """Whether a row is of the rarest class."""
        return class_text(self.df, self.dataset.label) == self.rarest

    def points(self) -> DataFrame:
        """Return the rows as a search sees them. Rows that are equal in everything share an id, and no others do."""
        known = self.df.where(class_text(self.df, self.dataset.label).isNotNull())
        x, carried = self.columns.points(self.df), self.own.cast("int")
        return known.select(col(IDENTITY).alias("row_id"), x.alias("x"), carried.alias("carried"))

    def search(self, k: int) -> Search:
        """Return the search for k neighbours among all rows."""
        return Search(k, sizes={}, **self.space.searching())

    def rest(self) -> Sample:
        """Return a sample of all other classes, each weighted by how many rows it has."""
        others = {c: s for c, s in self.samples.items() if c != self.rarest}
        return pooled(others, self.counts)


def look_at(df: DataFrame, dataset: Dataset, counts: Mapping[str, int]) -> Table:
    """Sample the classes and find the space.

    Costs two scans of the table; with many features one, and all further queries read what is stored.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
    counts : mapping of str to int
        Rows of each class.

    Raises
    ------
    InputError
        If there is one class only, or features hold infinite or huge values or arrays of several lengths.
    """
    there = {c: n for c, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n}
    if len(there) < 2:
        raise InputError(f"the rows are of {len(there)} class(es), {dict(there)}: there is nothing to classify")
    features = find_features(df, dataset.features, WHO, dataset.categorical)
    many = len(features.names) > MANY
    rows, columns = stored(df, dataset, features) if many else (hashed(df, dataset, features), features)
    found = _widths(df, rows, dataset.label, features, columns)
    samples = class_samples(rows, dataset.identity, dataset.label, columns, found, there, position=col(SAMPLE))
    space = _space(samples, features, {f: found.get(f, 1) for f in features.numbers}, there)
    return Table(rows, dataset, there, features, space, replace(space, features=columns, widths=found), samples)


def _widths(df: DataFrame, rows: DataFrame, label: str, features: Features, columns: Features) -> dict[str, int]:
    """Return the length of each column of numbers in the stored rows. Refuse values that no distance allows."""
    try:
        return dict(survey(rows, label, columns, WHO, [], 0, gaps="ignored").widths)
    except InputError:
        survey(df, label, features, WHO, [], 0, gaps="ignored")  # names the features, not the arrays
        raise


def _space(
    samples: Mapping[str, Sample], features: Features, widths: Mapping[str, int], counts: Mapping[str, int]
) -> Space:
    everybody = pooled(samples, counts)
    if not everybody.width:
        return Space(features, widths)
    scale = tuple(spread(everybody.numbers, everybody.counts, "standard").tolist())
    neutral = tuple(v or 0.0 for v in everybody.medians())
    return Space(features, widths, scale, category_penalty(everybody, scale), neutral=neutral)

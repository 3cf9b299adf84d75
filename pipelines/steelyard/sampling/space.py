"""The feature space of distances between rows, and the values that replace missing ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import col, dtype, of_key
from steelyard.kernels.distance import Distance
from steelyard.sampling.features import Features, array_of, as_vector, is_array, is_float, is_number, numbers_of
from steelyard.sampling.roles import Roles
from steelyard.sampling.statistics import Sample, class_samples, feature_scale, pooled, spread
from steelyard.sampling.survey import Survey


@dataclass(frozen=True)
class Space:
    """The representation of rows for distances.

    Numbers, divided by `scale`, come before a code for each category. Different categories add the square of the median
    of the numbers' standard deviations within the searched rows (SMOTE-NC's Med [1]_), or 1 if no number varies.

    Parameters
    ----------
    features : Features
    widths : mapping of str to int
        Length of each feature that is not a category.
    scale : tuple of float, optional
        Divisors of numbers.
    penalty : float, default 1.0
        Squared distance of two different categories, among rows of all classes.
    penalties : mapping of str to float
        The same, among rows of one class.
    fills : mapping of str to mapping
        Values for gaps, by class and feature: medians and modes; lists for arrays. None if the class has no value at
        all, as its new rows then have none.
    neutral : tuple of float
        Medians of all classes, used in distances for gaps without a value.

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002, 6.1.
    """

    features: Features
    widths: Mapping[str, int]
    scale: tuple[float, ...] | None = None
    penalty: float = 1.0
    penalties: Mapping[str, float] = field(default_factory=dict)
    fills: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    neutral: tuple[float, ...] = ()

    @property
    def n_numbers(self) -> int:
        """Numbers in a row."""
        return sum(self.widths.values())

    @property
    def n_features(self) -> int:
        """Length of a row: numbers and codes."""
        return self.n_numbers + len(self.features.categories)

    @property
    def scans(self) -> int:
        """Scans of the table for the space and its gaps."""
        return (self.scale is not None) + bool(self.features.categories or self.fills) + bool(self.fills)

    def searching(self) -> dict[str, Any]:
        """Return the settings of a `Search` among all rows, or within sets named like classes."""
        codes = len(self.features.categories)
        scale = None if self.scale is None else (*self.scale, *[1.0] * codes)
        return {
            "n_features": self.n_features,
            "scale": scale,
            "distance": Distance(nominal=codes, penalty=self.penalty),
            "penalties": dict(self.penalties),
        }

    def points(self, rows: DataFrame) -> Column:
        """Return a row as an array of doubles; gaps must have been filled."""
        return F.concat(self.numbers(rows), self.codes(rows)) if self.features.categories else self.numbers(rows)

    def numbers(self, rows: DataFrame) -> Column:
        """Return the numbers of a row."""
        return numbers_of(rows, self.features.numbers, self.widths, self.neutral)

    def codes(self, rows: DataFrame) -> Column:
        """Return a number for each category: 53 bits of its hash, which need no list of values."""
        texts = [F.coalesce(col(f).cast("string"), F.lit("")) for f in self.features.categories]
        return F.array(*[F.shiftrightunsigned(F.xxhash64(t), 11).cast("double") for t in texts])

    def filled(self, rows: DataFrame, within: Column) -> DataFrame:
        """Return the rows with gaps replaced by the values of their class."""
        if not self.fills:
            return rows
        names = next(iter(self.fills.values()))
        return rows.withColumns({n: self._filled(rows, n, within) for n in names})

    def _filled(self, rows: DataFrame, name: str, within: Column) -> Column:
        kind = dtype(rows, name)
        of_class = {c: fills[name] for c, fills in self.fills.items()}
        if name in self.features.categories or is_number(kind):
            ones = {c: v[0] if isinstance(v, list) else v for c, v in of_class.items()}
            gap = F.isnan(col(name)) if is_float(kind) else F.lit(False)
            return F.coalesce(F.when(~gap, col(name)), of_key(ones, within, kind))
        fills = of_key(of_class, within, "array<double>")
        values = F.coalesce(array_of(rows, name), fills)
        full = F.zip_with(values, fills, lambda v, f: F.coalesce(F.when(~F.isnan(v), v), f))
        if is_array(kind):
            return full.cast(kind)
        return as_vector(F.transform(full, lambda v: F.coalesce(v, F.lit(float("nan")))))

    def to_json(self) -> dict[str, Any]:
        """Return JSON types, for the record."""
        return {
            "numbers": list(self.features.numbers),
            "categories": list(self.features.categories),
            "n_features": self.n_features,
            "scale": None if self.scale is None else list(self.scale),
            "penalty": self.penalty,
            "penalties": dict(self.penalties),
            "fills": {c: dict(f) for c, f in self.fills.items()},
        }


def find_space(
    df: DataFrame,
    roles: Roles,
    features: Features,
    found: Survey,
    counts: Mapping[str, int],
    *,
    scale: str = "none",
    by_class: bool = True,
) -> Space:
    """Compute scales, category weights and replacements of missing values from samples of the table.

    Costs one scan with `scale`, and one where there are categories or gaps.

    Parameters
    ----------
    df : DataFrame
    roles : Roles
    features : Features
    found : Survey
        Names the features with gaps.
    counts : mapping of str to int
        Rows of each class.
    scale : {"none", "standard", "robust"}
    by_class : bool, default True
        Replace gaps by the median or mode of the row's class; otherwise of all rows, which does not reveal the class.
    """
    divisors = feature_scale(df, roles.identity, features, found.widths, scale, sum(counts.values()))
    space = Space(features, found.widths, None if divisors is None else tuple(divisors))
    if not features.categories and not found.missing:
        return space
    samples = class_samples(df, roles.identity, roles.label, features, found.widths, counts)
    everybody = pooled(samples, counts)
    if features.categories:
        penalties = {c: category_penalty(sample, divisors) for c, sample in samples.items()}
        space = replace(space, penalty=category_penalty(everybody, divisors), penalties=penalties)
    if found.missing:
        fills = _fills(samples if by_class else dict.fromkeys(samples, everybody), features, found)
        space = replace(space, fills=fills, neutral=tuple(v or 0.0 for v in everybody.medians()))
    return space


def category_penalty(sample: Sample, divisors: Sequence[float] | None) -> float:
    """Return Med²: the square of the median of the numbers' standard deviations."""
    if not sample.numbers.size:
        return 1.0
    spreads = spread(sample.numbers, sample.counts, "standard", constant=0.0)
    median = float(np.median(spreads / (1.0 if divisors is None else np.asarray(divisors))))
    return median**2 if median > 0 else 1.0


def _fills(samples: Mapping[str, Sample], features: Features, found: Survey) -> dict[str, dict[str, Any]]:
    fills: dict[str, dict[str, Any]] = {}
    for name, sample in samples.items():
        medians, start = sample.medians(), 0
        of_class: dict[str, Any] = dict(zip(features.categories, sample.modes(), strict=True))
        for feature in features.numbers:
            width = found.widths[feature]
            values = medians[start : start + width]
            of_class[feature], start = values, start + width
        fills[name] = {f: of_class[f] for f in found.missing}
    return fills

"""Measure single features: overlap with the rarest class, and suspected leaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.diagnosis._table import Table
from steelyard.kernels.separation import fisher_ratio, level_area, levels_of, roc_area

SUSPICIOUS = 0.99
"""ROC area of a single feature, from which it is a suspect."""

SUSPICIOUS_GAPS = 0.9
"""The same of whether a feature is missing: the shares of gaps then differ by 0.8."""

ENTIRE = 0.999
"""ROC area from which a single feature gives the label away entirely: what a model reaches with it shows nothing."""

FEWEST = 10  # rows of each group with a value: fewer are separated by chance

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """One feature of a sample: a number (NaN where missing), or codes of a category (0 where missing)."""

    name: str
    values: Floats
    category: bool

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Whether the value is missing."""
        return self.values == 0 if self.category else np.isnan(self.values)

    @property
    def levels(self) -> NDArray[np.int64]:
        """Codes of the values, 0 where missing."""
        return self.values.astype(np.int64) if self.category else levels_of(self.values)


@dataclass(frozen=True)
class Two:
    """Samples of the rarest class and of the rest; a row represents `up` rows of the one, `down` of the other."""

    features: list[Feature]
    up: Floats
    down: Floats


def two_samples(table: Table) -> Two:
    """Return the samples of the rarest class and of all others, one after the other."""
    rare, rest = table.samples[table.rarest], table.rest()
    numbers = np.concatenate([rare.numbers, rest.numbers])
    names = [n for f in table.features.numbers for n in _parts(f, table.space.widths[f])]
    features = [Feature(n, x, False) for n, x in zip(names, numbers.T, strict=True)]
    categories = zip(table.features.categories, rare.categories, rest.categories, strict=True)
    features += [Feature(f, _codes(np.concatenate(both)), True) for f, *both in categories]
    zeros = np.zeros(len(rare.counts)), np.zeros(len(rest.counts))
    return Two(features, np.concatenate([rare.counts, zeros[1]]), np.concatenate([zeros[0], rest.counts]))


def _parts(feature: str, width: int) -> list[str]:
    return [feature] if width == 1 else [f"{feature}[{i}]" for i in range(width)]


def _codes(values: NDArray[np.object_]) -> Floats:
    known = {v: i for i, v in enumerate(sorted({v for v in values if v is not None}), start=1)}
    return np.array([known.get(v, 0) for v in values], dtype=float)


def overlap(two: Two) -> dict[str, Any]:
    """Return F1 [1]_, from 0 (one feature separates the class) to 1 (none does), and the best feature.

    None if there are no numeric features.

    Parameters
    ----------
    two : Two

    References
    ----------
    .. [1] Lorena, Garcia, Lehmann, Souto, Ho, "How complex is your classification problem?", ACM Computing Surveys 52,
       2019.
    """
    ratios = {f.name: fisher_ratio(f.values, two.up, two.down) for f in two.features if not f.category}
    if not ratios:
        return {"f1": None, "feature": None}
    best = max(ratios, key=ratios.__getitem__)
    return {"f1": 1 / (1 + ratios[best]), "feature": best}


def suspects(two: Two) -> list[dict[str, Any]]:
    """Return the features that almost determine the label, by value or by being missing; the worst first.

    Returns
    -------
    list of dict
        ``feature``, ``why`` ("value" or "missing"), ``area`` (ROC area), ``entirely`` (whether nothing is left to
        learn), and shares of ``missing`` values, in the ``class`` and the ``rest``.
    """
    found = [{**s, "entirely": s["area"] >= ENTIRE} for feature in two.features for s in _suspected(feature, two)]
    return sorted(found, key=lambda s: (-s["area"], s["feature"]))


def _suspected(feature: Feature, two: Two) -> Iterator[dict[str, Any]]:
    missing = {n: float(w[feature.missing].sum() / w.sum()) for n, w in (("class", two.up), ("rest", two.down))}
    if min(np.count_nonzero(two.up), np.count_nonzero(two.down)) < FEWEST:
        return
    by_gap = 0.5 + abs(missing["class"] - missing["rest"]) / 2
    if by_gap >= SUSPICIOUS_GAPS:
        yield {"feature": feature.name, "why": "missing", "area": by_gap, "missing": missing}
        return
    by_value = area(feature, two)
    if by_value is not None and by_value >= SUSPICIOUS:
        yield {"feature": feature.name, "why": "value", "area": by_value, "missing": missing}


def area(feature: Feature, two: Two) -> float | None:
    """Return the ROC area of a single feature, in its better direction or order of levels; None with too few values.

    Numbers are judged by their order and by 64 bins, categories by their levels; missing values are a level.
    """
    known = ~feature.missing
    if min(np.count_nonzero(w[known]) for w in (two.up, two.down)) < FEWEST:
        return None
    best = level_area(feature.levels, two.up, two.down)
    if not feature.category:
        rising = roc_area(feature.values[known], two.up[known], two.down[known])
        best = max(best, rising, 1 - rising)
    return best

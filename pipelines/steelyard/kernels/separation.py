"""Separation of two groups by one feature. A row represents `up` rows of one group and `down` of the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats, sum_in_bins

_BINS = 64


def roc_area(values: Floats, up: Floats, down: Floats) -> float:
    """Return the probability that a row of the first group has a greater value than one of the second; ties count half.

    Values are not NaN, and neither group is empty.

    Examples
    --------
    >>> import numpy as np
    >>> roc_area(np.array([1.0, 2.0, 2.0]), np.array([0, 1, 0]), np.array([1, 0, 1]))
    0.75
    """
    _, place = np.unique(values, return_inverse=True)
    ups, downs = np.bincount(place, up), np.bincount(place, down)
    below = np.cumsum(downs) - downs / 2
    return float((ups * below).sum() / (ups.sum() * downs.sum()))


def levels_of(values: Floats) -> NDArray[np.int64]:
    """Return the level of each value: distinct values, or if they are many, 64 bins of equal size; NaN is level 0."""
    known = values[~np.isnan(values)]
    different = np.unique(known)
    edges = different if len(different) <= _BINS else np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
    return np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right")) + 1


def level_area(levels: NDArray[np.int64], up: Floats, down: Floats) -> float:
    """Return the ROC area of levels, numbered from 0, in the order of the first group's share.

    The order is learned on every other row and evaluated on the rest, and vice versa, so that many levels of few rows
    do not separate by chance. Rows must be in random order, such as by hash.
    """
    halves = _halves(up, down)
    areas = []
    for learned, judged in ((halves, ~halves), (~halves, halves)):
        if not (up[judged].sum() and down[judged].sum() and up[learned].sum() and down[learned].sum()):
            return 0.5
        score = _scores(levels, up * learned, down * learned)[levels]
        areas.append(roc_area(score[judged], up[judged], down[judged]))
    return float(np.mean(areas))


def _halves(up: Floats, down: Floats) -> NDArray[np.bool_]:
    """Return every other row of each group."""
    first = up > 0
    half = np.zeros(len(up), dtype=bool)
    half[np.flatnonzero(first)[::2]] = True
    half[np.flatnonzero(~first)[::2]] = True
    return half


def _scores(levels: NDArray[np.int64], up: Floats, down: Floats) -> Floats:
    """Return the share of the first group at each level, as if both groups had the same size; unseen levels 0.5."""
    size = int(levels.max()) + 1
    ups, downs = (sum_in_bins(levels, w, size) / w.sum() for w in (up, down))
    prior = 1 / max(int(np.count_nonzero(up)), 1)
    shares: Floats = (ups + prior) / (ups + downs + 2 * prior)
    return shares


def fisher_ratio(values: Floats, up: Floats, down: Floats) -> float:
    """Return the scatter of the groups' means over the scatter within groups; infinite if there is none within.

    NaN are left out.
    """
    known = ~np.isnan(values)
    x, groups = values[known], [w[known].astype(float) for w in (up, down)]
    sizes = [w.sum() for w in groups]
    if not all(sizes):
        return 0.0
    means = [float((w * x).sum() / n) for w, n in zip(groups, sizes, strict=True)]
    centre = float(np.dot(means, sizes) / sum(sizes))
    between = sum(n * (m - centre) ** 2 for n, m in zip(sizes, means, strict=True))
    within = sum(float((w * np.square(x - m)).sum()) for w, m in zip(groups, means, strict=True))
    # Rounding errors of constants do not count as scatter.
    tiny = 1e-24 * sum(sizes) * float(np.square(x).max(initial=0.0))
    if between <= tiny:
        return 0.0
    return between / within if within > tiny else float("inf")

"""Summaries of many features at once, class by class, that can be merged: counts, moments, ranges, quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats

KNOWN, INFINITE, MEAN, SQUARES, LOW, HIGH = range(6)
FIGURES = 6

Hashes = NDArray[np.uint64]


def summarize(values: Floats, starts: NDArray[np.intp]) -> Floats:
    """Return the summaries of groups of columns of a matrix.

    Parameters
    ----------
    values : array, shape (features, rows)
        The rows of a group are adjacent; NaN is a missing value.
    starts : array of int, shape (groups,)
        Where each group begins; no group is empty.

    Returns
    -------
    array, shape (groups, FIGURES, features)
        Known values, infinite ones among them, mean, sum of squared deviations from it, least and greatest value; of
        no value the mean is 0, and the range goes from infinity to minus infinity.
    """
    known = ~np.isnan(values)
    lengths = np.diff([*starts, values.shape[1]])

    def total(of: NDArray[np.generic]) -> Floats:
        return np.add.reduceat(of, starts, axis=1, dtype=np.float64)

    count = total(known)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = total(np.where(known, values, 0.0)) / np.maximum(count, 1)
        away = np.where(known, values - np.repeat(mean, lengths, axis=1), 0.0)
        squares = total(np.square(away))
    low = np.minimum.reduceat(np.where(known, values, np.inf), starts, axis=1)
    high = np.maximum.reduceat(np.where(known, values, -np.inf), starts, axis=1)
    figures = np.stack([count, total(np.isinf(values)), mean, squares, low, high])
    return np.ascontiguousarray(figures.transpose(2, 0, 1))


def merge(a: Floats, b: Floats) -> Floats:
    """Return the summary of the rows of two groups together.

    Means and squares by Chan, Golub, LeVeque, "Algorithms for computing the sample variance", The American
    Statistician 37, 1983.

    Parameters
    ----------
    a, b : array, shape (FIGURES, features)
    """
    count = a[KNOWN] + b[KNOWN]
    share = b[KNOWN] / np.maximum(count, 1)
    with np.errstate(invalid="ignore", over="ignore"):
        step = b[MEAN] - a[MEAN]
        mean = np.where(b[KNOWN] > 0, a[MEAN] + step * share, a[MEAN])
        squares = a[SQUARES] + b[SQUARES] + np.where(a[KNOWN] * share > 0, step * step * a[KNOWN] * share, 0.0)
    low, high = np.minimum(a[LOW], b[LOW]), np.maximum(a[HIGH], b[HIGH])
    return np.stack([count, a[INFINITE] + b[INFINITE], mean, squares, low, high])


def quantiles(values: Floats, at: tuple[float, ...]) -> Floats:
    """Return the smallest value of each feature that a share of its known values doesn't exceed; NaN of none.

    Parameters
    ----------
    values : array, shape (features, rows)
    at : tuple of float

    Returns
    -------
    array, shape (len(at), features)
    """
    if not values.shape[1]:
        return np.full((len(at), len(values)), np.nan)
    ordered = np.sort(values, axis=1)  # NaN come last
    known = (~np.isnan(values)).sum(axis=1)
    places = [np.maximum(np.ceil(q * known - 1e-9).astype(np.intp) - 1, 0) for q in at]
    return np.stack([np.take_along_axis(ordered, place[:, None], axis=1)[:, 0] for place in places])


def mixed(hashes: Hashes, values: Floats) -> Hashes:
    """Return the hashes of rows after another block of their values, a column of `values` each."""
    found = hashes
    for bits in np.ascontiguousarray(values + 0.0).view(np.uint64):  # of -0.0, 0.0
        found = (found ^ bits) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return found


def drawn(hashes: Hashes, rates: Floats) -> NDArray[np.bool_]:
    """Return the rows that a hash draws at rates between 0 and 1, equal rows independently.

    Parameters
    ----------
    hashes : array of uint64, shape (n,)
        By a row's content.
    rates : array, shape (n,)
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    nth = np.empty(len(hashes), dtype=np.uint64)
    nth[order] = np.arange(len(hashes)) - np.repeat(first, np.diff([*first, len(hashes)]))
    place = (hashes + nth * np.uint64(0xD1B54A32D192ED03)) * np.uint64(0xBF58476D1CE4E5B9)
    place ^= place >> np.uint64(32)
    place *= np.uint64(0x94D049BB133111EB)
    return ((place >> np.uint64(11)) * 2.0**-53 < rates) | (rates >= 1)

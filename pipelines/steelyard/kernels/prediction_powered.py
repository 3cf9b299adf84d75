"""Estimates from predictions for all rows and labels of a few: in strata, so that labels may be chosen by score.

The total of a stratum is the sum of its predictions plus its rows times the mean error of the predictions on the
labelled ones. The labels of a stratum must be a random sample of it; strata may be sampled at any rates.

References
----------
Angelopoulos, Bates, Fannjiang, Jordan, Zrnic, "Prediction-powered inference", Science 382, 2023.
Fisch et al., "Stratified prediction-powered inference for hybrid language model evaluation", NeurIPS 2024.
Cochran, "Sampling techniques", 3rd edition, 1977, sections 5.5 (optimum allocation) and 7.3 (difference estimator).
Dalenius, Hodges, "Minimum variance stratification", JASA 54, 1959.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.kernels.arrays import Counts, Floats, divide

_MEASURED = 10  # labels of a stratum from which its measured variance counts


@dataclass(frozen=True)
class Strata:
    """Rows and labels of each stratum; arrays of shape (strata,).

    Parameters
    ----------
    rows : array of float64
    predicted : array of float64
        Sum of the predictions over all rows.
    labels : array of float64
        Number of labelled rows.
    errors : array of float64
        Sum of label minus prediction over the labelled rows.
    squares : array of float64
        Sum of its squares.
    spread : array of float64
        Variance of a label given its prediction, by the predictions: the mean of p (1 - p).
    """

    rows: Floats
    predicted: Floats
    labels: Floats
    errors: Floats
    squares: Floats
    spread: Floats

    @property
    def totals(self) -> Floats:
        """Estimated number of positive rows; NaN without labels."""
        return self.predicted + self.rows * divide(self.errors, self.labels)

    @property
    def variances(self) -> Floats:
        """Variance of one label's error: as measured, but at least what the predictions imply."""
        mean = divide(self.errors, self.labels, 0.0)
        measured = divide(self.squares, self.labels, 0.0) - mean**2
        corrected = measured * divide(self.labels, self.labels - 1, 0.0)
        return np.maximum(np.where(self.labels >= _MEASURED, corrected, 0.0), self.spread)

    def variance_of_total(self, labels: Floats) -> Floats:
        """Return the variance of each stratum's total with so many labels."""
        there = self.rows > 0
        each = np.maximum(divide(1.0, labels, np.inf) - np.where(there, divide(1.0, self.rows, 0.0), 0.0), 0.0)
        return np.asarray(self.rows**2 * self.variances * np.where(there, each, 0.0))


def total(strata: Strata) -> tuple[float, float]:
    """Return the estimated number of positive rows, and its standard error."""
    filled = strata.rows > 0
    variance = strata.variance_of_total(strata.labels)[filled].sum()
    return float(strata.totals[filled].sum()), float(np.sqrt(variance))


def share(strata: Strata, part: Floats) -> tuple[float, float]:
    """Return the share of the positive rows that lie in a part of the strata, and its standard error.

    Parameters
    ----------
    strata : Strata
    part : array of float64, shape (strata,)
        1 for strata of the part, 0 for others.
    """
    filled = strata.rows > 0
    totals, whole = strata.totals[filled], float(strata.totals[filled].sum())
    if not whole > 0:
        return float("nan"), float("nan")
    value = float((totals * part[filled]).sum()) / whole
    variances = strata.variance_of_total(strata.labels)[filled]
    return value, float(np.sqrt((variances * (part[filled] - value) ** 2).sum())) / whole


def labels_needed(strata: Strata, error: float) -> Counts:
    """Return how many labels each stratum needs in all so that the total has this standard error.

    Neyman's allocation, where labels that exist stay: labels are proportional to rows times deviation in the strata
    that get more. No stratum gets more labels than rows.
    """
    wanted, weight = error**2, strata.rows * np.sqrt(strata.variances)

    def given(rate: float) -> Floats:
        return np.minimum(np.maximum(strata.labels, np.ceil(weight * rate)), strata.rows)

    def enough(rate: float) -> bool:
        return bool(strata.variance_of_total(given(rate))[strata.rows > 0].sum() <= wanted)

    high = 1e-12
    while not enough(high) and high < 1e300:
        high *= 2
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return given(high).astype(np.int64)


def strata_edges(spread: Floats, strata: int) -> Counts:
    """Return the first bin of each stratum but the first: equal parts of the cumulative root of the spread.

    Parameters
    ----------
    spread : array of float64, shape (bins,)
        Rows times the deviation of a label, of bins in the order of their score.
    strata : int
        At most so many.
    """
    heights = np.cumsum(np.sqrt(np.maximum(spread, 0.0)))
    if not heights[-1] > 0:
        return np.zeros(0, dtype=np.int64)
    cuts = np.searchsorted(heights, heights[-1] * np.arange(1, strata) / strata) + 1
    found: Counts = np.unique(cuts[cuts < len(spread)]).astype(np.int64)
    return found

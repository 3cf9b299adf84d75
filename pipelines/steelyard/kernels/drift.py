"""Distances between two distributions over classes or cells, as a whole and class by class.

The ratio ρ of a class's share to its share in a reference has an exact interval. Its counts, `c` of `C` rows now and
`r` of `R` rows in the reference, are modelled as Poisson counts. Given their sum, `c` is binomial:
`c ~ Binomial(r + c, C·ρ / (C·ρ + R))`. The Clopper-Pearson interval of that probability, p, gives the interval of
ρ = (p / (1 - p))·(R / C). Its coverage is at least the confidence, and greater for classes that are not rare, since
their counts vary less than Poisson counts.

References
----------
Clopper, Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26,
1934.
Przyborowski, Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31, 1940.
Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37, 1991.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from steelyard.kernels.arrays import Floats

_ROUNDED = 12  # decimals of a share; less is rounding, which a logarithm would make large


def psi(counts: Sequence[float], reference: Sequence[float]) -> float:
    """Return the population stability index: the sum of (p - q)·ln(p / q) over the classes.

    A class without rows counts as half a row, so that the index stays finite.

    Examples
    --------
    >>> round(psi([90, 10], [80, 20]), 4)
    0.0811
    """
    p, q = _shares(counts, 0.5), _shares(reference, 0.5)
    return float(((p - q) * np.log(p / q)).sum())


def jensen_shannon(counts: Sequence[int], reference: Sequence[int]) -> float:
    """Return the Jensen-Shannon distance, the root of the divergence in bits: 0 for equal shares, 1 for none in common.

    Examples
    --------
    >>> round(jensen_shannon([90, 10], [80, 20]), 4)
    0.1199
    """
    p, q = _shares(counts, 0), _shares(reference, 0)
    middle = (p + q) / 2
    return math.sqrt(max((_relative(p, middle) + _relative(q, middle)) / 2, 0.0))


def psi_by_chance(rows: float, reference: float, cells: int, confidence: float) -> float:
    """Return the PSI that samples of one distribution exceed with probability 1 - confidence.

    For large samples, PSI is (1/rows + 1/reference) times a chi-square variable with `cells - 1` degrees of freedom.

    References
    ----------
    Yurdakul, Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation 14,
    2020.

    Examples
    --------
    >>> round(psi_by_chance(1000, 1000, 10, 0.99), 4)
    0.0433
    """
    from scipy.special import chdtri  # tenths of a second of each command's start

    return float(chdtri(max(cells - 1, 1), 1 - confidence)) * (1 / max(rows, 1) + 1 / max(reference, 1))


def closest_shares(
    below: Floats, up_to: Floats, reference_below: Floats, reference_up_to: Floats
) -> tuple[Floats, Floats]:
    """Return the shares of the cells between edges, now and in a reference, that differ least.

    Each edge has a range of cumulative shares, that of the values below it and that of those up to it, which differ if
    values are equal to the edge. The cut is put where both ranges agree, else at their nearest ends. A known quantile
    of the reference is such a range too.

    Parameters
    ----------
    below, up_to, reference_below, reference_up_to : array of float64, shape (edges,)
        Cumulative shares at ascending edges.

    Returns
    -------
    tuple of array of float64, shape (edges + 1,)
        Shares of the cells now, and in the reference.

    Examples
    --------
    >>> now, before = closest_shares(*map(np.array, ([0.1, 0.5], [0.1, 0.9], [0.2, 0.75], [0.2, 0.75])))
    >>> now.round(2).tolist(), before.round(2).tolist()
    ([0.1, 0.65, 0.25], [0.2, 0.55, 0.25])
    """
    first, last = np.maximum(below, reference_below), np.minimum(up_to, reference_up_to)
    agree = first <= last
    middle = (first + last) / 2
    less = up_to < reference_below
    now = np.where(agree, middle, np.where(less, up_to, below))
    before = np.where(agree, middle, np.where(less, reference_below, reference_up_to))
    one, other = (np.diff(np.concatenate([[0.0], cuts, [1.0]])) for cuts in (now, before))
    return np.maximum(one.round(_ROUNDED), 0.0), np.maximum(other.round(_ROUNDED), 0.0)


def share_ratio_intervals(
    counts: Sequence[int] | Floats,
    total: int,
    references: Sequence[int] | Floats,
    reference_total: int,
    confidence: float,
) -> tuple[Floats, Floats]:
    """Return the exact intervals of classes' shares over their shares in a reference: arrays of lower and upper ends.

    A lower end is 0 where the count is, an upper end infinite where the reference is 0.

    Examples
    --------
    >>> [x.round(3).tolist() for x in share_ratio_intervals([60], 100_000, [100], 100_000, 0.95)]
    [[0.428], [0.835]]
    """
    from scipy.special import betaincinv  # tenths of a second of each command's start

    c, r = np.asarray(counts, dtype=np.float64), np.asarray(references, dtype=np.float64)
    tail = (1 - confidence) / 2
    low = np.where(c > 0, betaincinv(np.maximum(c, 1), r + 1, tail), 0.0)
    high = np.where(r > 0, betaincinv(c + 1, np.maximum(r, 1), 1 - tail), 1.0)
    with np.errstate(divide="ignore"):
        scale = reference_total / max(total, 1)
        return low / (1 - low) * scale, high / (1 - high) * scale


def count_interval(count: int, confidence: float) -> tuple[float, float]:
    """Return the exact interval of the mean of a Poisson count.

    References
    ----------
    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936.

    Examples
    --------
    >>> [round(x, 2) for x in count_interval(10, 0.95)]
    [4.8, 18.39]
    """
    from scipy.special import gammaincinv  # tenths of a second of each command's start

    tail = (1 - confidence) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))


def _shares(counts: Sequence[float], absent: float) -> Floats:
    filled: Floats = np.array([n or absent for n in counts], dtype=np.float64)
    total = max(float(filled.sum()), 1.0)
    return filled / total


def _relative(p: Floats, q: Floats) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())

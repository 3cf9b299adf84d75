"""Confidence intervals from resampled buckets of rows.

Rows are dealt to a few hundred buckets by a hash of the row, or of its group where rows of a group depend on
each other. Resampling whole buckets gives a metric's standard error without touching rows again. An interval
isn't read off the draws: with 40 positives, their percentiles missed a true recall or ROC area in 10 to 40 % of
simulated samples. The standard error says instead *how many independent rows, or events, the estimate is
worth*, and the interval is that of a proportion, or of a count, with so many. `benchmarks/intervals.py` measures
how often it holds the truth.

References
----------
Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
Korn, Graubard, "Confidence intervals for proportions with small expected number of positive counts
estimated from survey data", Survey Methodology 1998 (the effective number of rows).
Fay, Feuer, "Confidence intervals for directly standardized rates", Statistics in Medicine 1997.
Zou, Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 2008.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from steelyard.kernels.arrays import Floats
from steelyard.kernels.random import uniform

Interval = tuple[float, float]

Z95 = NormalDist().inv_cdf(0.975)


def multiplicities(buckets: int, draws: int, seed: int = 0) -> Floats:
    """Return how often each draw of a bootstrap takes each bucket: shape (draws, buckets), row sums `buckets`."""
    cell = np.arange(draws * buckets)
    chosen = (uniform(cell, seed, "bootstrap") * buckets).astype(np.int64) + cell // max(buckets, 1) * buckets
    return np.bincount(chosen, minlength=draws * buckets).reshape(draws, buckets).astype(np.float64)


def standard_error(draws: Floats, buckets: int) -> float:
    """Return the standard deviation of the draws, corrected for the number of buckets; NaN if undefined."""
    finite = draws[np.isfinite(draws)]
    if len(finite) < 2 or buckets < 2:
        return math.nan
    return float(finite.std(ddof=1)) * math.sqrt(buckets / (buckets - 1))


def effective_number(sizes: Floats) -> float:
    """Return how many equal parts are worth as much as parts of these sizes (Kish)."""
    squares = float((sizes**2).sum())
    return float(sizes.sum()) ** 2 / squares if squares > 0 else 0.0


def t_quantile(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t; less than one degree of freedom counts as one.

    Examples
    --------
    >>> round(t_quantile(10), 3)
    2.228
    """
    from scipy.special import stdtrit  # half a second of a process's start

    return float(stdtrit(max(freedom, 1.0), 0.975))


def wilson(value: float, n: float, quantile: float = Z95) -> Interval:
    """Return Wilson's interval for a proportion seen in `n` independent rows.

    Examples
    --------
    >>> [round(x, 3) for x in wilson(0.9, 20)]
    [0.699, 0.972]
    """
    square = quantile**2
    centre = (value + square / (2 * n)) / (1 + square / n)
    half = quantile * math.sqrt(value * (1 - value) / n + square / (4 * n**2)) / (1 + square / n)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def finite_wilson(value: float, n: int, total: int) -> Interval:
    """Return Wilson's interval for a proportion among `total` rows, of which `n` were drawn without replacement.

    Examples
    --------
    >>> [round(x, 3) for x in finite_wilson(0.9, 20, 40)]
    [0.767, 0.961]
    >>> finite_wilson(0.9, 40, 40)
    (0.9, 0.9)
    """
    return (value, value) if n >= total else wilson(value, n * (total - 1) / (total - n))


def unit_interval(
    value: float, error: float, freedom: float, fallback: float, most: float = math.inf
) -> Interval | None:
    """Return Wilson's interval of a metric in [0, 1], for the number of rows that would give its standard error.

    `freedom` are the error's degrees of freedom. Where the metric is 0 or 1, its error does not give a number of rows,
    and `fallback` does. The number is at most `most`: for a proportion, the rows that it is a proportion of.
    """
    spread = value * (1 - value)
    n = spread / error**2 if error > 0 and spread > 0 else fallback
    n = min(n, most)
    return wilson(value, n, t_quantile(freedom)) if n > 0 else None


def total_interval(value: float, error: float, freedom: float, event: float) -> Interval:
    """Return the interval of a mean or total of non-negative, skewed amounts, none of which may have been seen.

    It is that of a Poisson count whose mean and error have the same ratio; its upper limit allows for one
    more `event` of the given size, as the exact Poisson limit does.
    """
    quantile = t_quantile(freedom)
    lower = _count_limit(value, error**2, -quantile) if value > 0 and error > 0 else 0.0
    upper = _count_limit(value + event, max(error, 0.0) ** 2 + event**2, quantile) if event > 0 else value
    return min(lower, value), max(upper, value)


def _count_limit(total: float, variance: float, quantile: float) -> float:
    """Return Byar's approximation of a Poisson limit, in units of the size of an event."""
    count = total**2 / variance
    return total * max(0.0, 1 - 1 / (9 * count) + quantile / (3 * math.sqrt(count))) ** 3


def carried_interval(value: float, moved: Floats) -> Interval:
    """Return the interval of a function of several estimates (MOVER).

    `moved`, shape (estimates, 2), holds its values with one estimate at its lower and at its upper limit.

    Examples
    --------
    >>> carried_interval(0.0, np.array([[-0.3, 0.1], [0.0, -0.4]]))
    (-0.5, 0.1)
    """
    down = value - np.minimum(moved.min(axis=1), value)
    up = np.maximum(moved.max(axis=1), value) - value
    return value - math.hypot(*down.tolist()), value + math.hypot(*up.tolist())


def envelope(*intervals: Interval | None, low: float = 0.0, high: float = 1.0) -> Interval | None:
    """Return the smallest interval within [low, high] that contains all given ones; None if none is given."""
    given = [interval for interval in intervals if interval is not None]
    if not given:
        return None
    return max(min(lower for lower, _ in given), low), min(max(upper for _, upper in given), high)


def sum_interval(parts: list[tuple[float, Interval]]) -> Interval:
    """Return the interval of a sum from those of its parts (MOVER): distances to the limits add as squares."""
    total = sum(value for value, _ in parts)
    down = math.hypot(*(value - low for value, (low, _) in parts))
    up = math.hypot(*(high - value for value, (_, high) in parts))
    return total - down, total + up

"""Estimates with their bootstrap values, and the numbers of `metrics.json` made from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats
from steelyard.kernels.intervals import Interval

Number = dict[str, Any]

DRAWS = 500
FEWEST_ROWS = 30  # of a class, for intervals of anything but proportions
FEWEST_GROUPS = 15  # likewise, where whole groups are resampled; effective ones, with the class in them
LEAST_GROUPS = 3  # for intervals of proportions
FEW_GROUPS = "too few groups"
ROUNDING = 1e-9
OUTSIDE = "outside of the metric's range"
FROM_RANGES = "from ranges of scores"
APPROXIMATE = "approximate"  # a few rows carry most of the amount: fewer than 93 % of intervals contain the true value


@dataclass(frozen=True)
class Estimate:
    """A metric's value, its values in the draws, and bounds where it isn't exact."""

    value: float
    draws: Floats
    bounds: Interval | None = None

    def map(self, function: Callable[[Any], Any]) -> Estimate:
        """Return the estimate of an increasing function of the metric."""
        bounds = None if self.bounds is None else (function(self.bounds[0]), function(self.bounds[1]))
        return Estimate(function(self.value), function(self.draws), bounds)


def mean_of(estimates: Sequence[Estimate], weights: Sequence[float] | None = None) -> Estimate | None:
    """Return the mean of the estimates that are defined, None if none is."""
    shares = [1.0] * len(estimates) if weights is None else weights
    pairs = [(e, w) for e, w in zip(estimates, shares, strict=True) if not math.isnan(e.value)]
    if not pairs:
        return None
    total = sum(w for _, w in pairs)
    share = np.array([w for _, w in pairs]) / total
    draws = np.stack([e.draws for e, _ in pairs])
    there = np.isfinite(draws) * share[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = np.nansum(draws * share[:, None], axis=0) / there.sum(axis=0)
    value = sum(e.value * s for (e, _), s in zip(pairs, share.tolist(), strict=True))
    if all(e.bounds is None for e, _ in pairs):
        return Estimate(value, drawn)
    spans = [e.bounds or (e.value, e.value) for e, _ in pairs]
    low, high = (float(share @ np.array([span[i] for span in spans])) for i in (0, 1))
    return Estimate(value, drawn, (low, high))


@dataclass(frozen=True)
class Bootstrap:
    """The draws that all metrics of a split share.

    `weights`, shape (draws, buckets), says how often a draw takes a bucket; `used` is the number of buckets with rows.
    If `grouped`, buckets hold whole groups, whose rows may depend on each other.
    """

    weights: Floats
    used: int
    grouped: bool

    @classmethod
    def over(cls, sizes: Floats, *, grouped: bool, draws: int = DRAWS, seed: int = 0) -> Bootstrap:
        """Return draws of the buckets that hold something."""
        used = np.flatnonzero(sizes > 0)
        weights = np.zeros((draws, len(sizes)))
        weights[:, used] = intervals.multiplicities(len(used), draws, seed)
        return cls(weights, len(used), grouped)

    def error(self, estimate: Estimate) -> float:
        """Return the standard error."""
        return intervals.standard_error(estimate.draws, self.used)

    def worth(self, rows: float, sizes: Floats) -> float:
        """Return a lower bound of the effective number of rows; `sizes` is their weight per bucket."""
        return min(rows, intervals.effective_number(sizes)) if self.grouped else rows


@dataclass(frozen=True)
class Basis:
    """The rows of the rarest class of a metric, which determine its degrees of freedom.

    `rows` is their number, or effective number if they have weights (Kish); `sizes`, shape (buckets,), their weights.
    """

    bootstrap: Bootstrap
    rows: float
    sizes: Floats

    @property
    def freedom(self) -> float:
        """Degrees of freedom of a standard error."""
        return intervals.effective_number(self.sizes) - 1

    @property
    def note(self) -> str | None:
        """Why there is no interval, or None if there is one."""
        if self.rows < FEWEST_ROWS:
            return "too few"
        few = self.bootstrap.grouped and intervals.effective_number(self.sizes) < FEWEST_GROUPS
        return FEW_GROUPS if few else None

    def number(self, estimate: Estimate | None, limits: Interval, *others: Interval | None) -> Number:
        """Return a metric that lies within `limits`; its interval contains `others`."""
        if estimate is None or self.note:
            return number(estimate, note=self.note)
        low, high = limits
        if estimate.value < low - ROUNDING or estimate.value > high + ROUNDING:
            return number(estimate, note=OUTSIDE)
        if math.isinf(high):
            return self._mean_loss(estimate)
        unit = estimate.map(lambda x: (x - low) / (high - low))
        fallback = self.bootstrap.worth(self.rows, self.sizes)
        own = intervals.unit_interval(unit.value, self.bootstrap.error(unit), self.freedom, fallback)
        if own is not None:
            own = low + (high - low) * own[0], low + (high - low) * own[1]
        return number(estimate, intervals.envelope(own, *others, low=low, high=high))

    def _mean_loss(self, estimate: Estimate) -> Number:
        """Return a mean of amounts that are not negative, without an upper limit."""
        error = self.bootstrap.error(estimate)
        # The loss of one row not yet seen: twice the mean loss, with losses weighted by their size.
        event = 2 * error**2 / estimate.value if estimate.value > 0 else 0.0
        uneven = 0 < estimate.value**2 < FEWEST_ROWS * error**2
        interval = intervals.total_interval(estimate.value, error, self.freedom, event)
        return number(estimate, interval, note=APPROXIMATE if uneven else None)


def proportion(bootstrap: Bootstrap, estimate: Estimate, rows: float, sizes: Floats) -> Number:
    """Return a proportion among `rows` rows, of weight `sizes` in each bucket; few rows have an interval too."""
    if not rows > 0:
        return number(estimate)
    if estimate.value < -ROUNDING or estimate.value > 1 + ROUNDING:
        return number(estimate, note=OUTSIDE)
    groups = intervals.effective_number(sizes)
    if bootstrap.grouped and groups < LEAST_GROUPS:
        return number(estimate, note=FEW_GROUPS)
    freedom = groups - 1 if bootstrap.grouped or rows >= FEWEST_ROWS else math.inf
    fallback = bootstrap.worth(rows, sizes)
    error = bootstrap.error(estimate)
    return number(estimate, intervals.unit_interval(estimate.value, error, freedom, fallback, most=rows))


def number(estimate: Estimate | float | None, ci95: Interval | None = None, **more: Any) -> Number:
    """Return a number as `metrics.json` holds it; `more` that is None is left out."""
    value = estimate.value if isinstance(estimate, Estimate) else estimate
    bounds = estimate.bounds if isinstance(estimate, Estimate) else None
    undefined = value is None or not math.isfinite(value)
    document: Number = {"value": None if undefined else float(value or 0.0), "ci95": None}
    if ci95 is not None and not undefined:
        document["ci95"] = [float(ci95[0]), float(ci95[1])]
    if bounds is not None and not undefined:
        document["bounds"] = [float(bounds[0]), float(bounds[1])]
    return document | {k: v for k, v in more.items() if v is not None}


def undefined(names: Sequence[str]) -> Mapping[str, Number]:
    """Return metrics that have no value."""
    return {name: number(None) for name in names}

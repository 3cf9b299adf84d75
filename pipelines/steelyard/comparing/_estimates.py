"""Metrics of candidates with paired differences: all of them are resampled by the same draws of buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.comparing._fold_scores import FoldScores
from steelyard.kernels import intervals
from steelyard.kernels.arrays import Floats, divide

METRICS: Mapping[str, bool] = {"cost": False, "log_loss": False, "pr_auc": True}
"""Metrics of a comparison, and whether a greater value is better."""
_DRAWS = 500


@dataclass(frozen=True)
class Draws:
    """The draws that all candidates share.

    Parameters
    ----------
    weights : array, shape (draws, buckets)
    used : int
        Buckets with rows.
    freedom : float
        Degrees of freedom of a standard error: the effective number of buckets with positives, less one. Of several
        classes, the one with the fewest.
    """

    weights: Floats
    used: int
    freedom: float

    @classmethod
    def of(cls, folds: Sequence[FoldScores]) -> Draws:
        """Return draws of the buckets of the folds' test rows; they are the same for each candidate."""
        mass = np.sum([fold.mass for fold in folds], axis=0)
        used = np.flatnonzero(mass > 0)
        weights = np.zeros((_DRAWS, len(mass)))
        weights[:, used] = intervals.multiplicities(len(used), _DRAWS, 0)
        positives = np.zeros((len(mass), max(fold.sides for fold in folds)))
        for fold in folds:
            fold.add_positives(positives)
        numbers = [intervals.effective_number(of) for of in positives.T if of.any()]
        return cls(weights, len(used), min(numbers, default=0.0) - 1)


@dataclass(frozen=True)
class Value:
    """A metric's value, and its values in the draws."""

    value: float
    draws: Floats

    def minus(self, other: Value) -> Value:
        """Return the difference, draw by draw."""
        return Value(self.value - other.value, self.draws - other.draws)

    def error(self, draws: Draws) -> float:
        """Return the standard error."""
        return intervals.standard_error(self.draws, draws.used)

    def number(self, draws: Draws) -> dict[str, Any]:
        """Return the value with its 95 % interval, null where it is not defined."""
        error = self.error(draws)
        half = intervals.t_quantile(draws.freedom) * error
        ci95 = None if np.isnan(error) else [self.value - half, self.value + half]
        return {"value": None if np.isnan(self.value) else self.value, "ci95": ci95}


def values_of(folds: Sequence[FoldScores], draws: Draws) -> dict[str, Value]:
    """Return the metrics of a candidate: means per row over all test rows, and the mean PR area of the folds.

    The log loss of several classes is that of the row's own class, and the PR area the mean of one against the rest.
    """
    mass = np.sum([fold.mass for fold in folds], axis=0)
    found = {}
    for name in ("cost", "log_loss"):
        sums = np.sum([fold.cost if name == "cost" else fold.loss for fold in folds], axis=0)
        drawn = divide(draws.weights @ sums, draws.weights @ mass)
        found[name] = Value(float(sums.sum() / mass.sum()), drawn)
    areas = [fold.drawn_area(draws.weights) for fold in folds]
    with np.errstate(invalid="ignore"):
        found["pr_auc"] = Value(float(np.mean([fold.pr_auc for fold in folds])), np.mean(areas, axis=0))
    return found

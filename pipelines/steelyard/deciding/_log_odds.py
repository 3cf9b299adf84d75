"""Calibrators whose log odds are a simple function of the score's."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.deciding._calibrators import Calibrator
from steelyard.kernels.arrays import Floats
from steelyard.kernels.calibration import EPSILON, log_odds

Value = TypeVar("Value", Floats, Column)


class LogOdds(Calibrator):
    """Base of calibrators that give log odds; scores are kept away from 0 and 1."""

    @abstractmethod
    def log_odds(self, z: Value, log_p: Value, log_q: Value) -> Value:
        """Return the calibrated log odds from those of the score, and the logarithms of the score and of 1 - score."""

    def apply_numpy(self, p: Floats) -> Floats:
        """Return the calibrated probabilities."""
        from scipy.special import expit  # tenths of a second of each command's start

        kept = np.clip(p, EPSILON, 1 - EPSILON)
        found: Floats = expit(self.log_odds(log_odds(p), np.log(kept), np.log1p(-kept)))
        return found

    def apply(self, p: Column) -> Column:
        """Return the calibrated probability."""
        kept = F.least(F.greatest(p, F.lit(EPSILON)), F.lit(1 - EPSILON))
        z = self.log_odds(F.log(kept / (F.lit(1.0) - kept)), F.log(kept), F.log1p(-kept))
        return F.when(p.isNotNull(), F.lit(1.0) / (F.lit(1.0) + F.exp(-z)))


@dataclass(frozen=True)
class Temperature(LogOdds):
    """The score's log odds times a number: one over the temperature.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.
    """

    slope: float
    method: ClassVar[str] = "temperature"

    def log_odds(self, z: Value, log_p: Value, log_q: Value) -> Value:
        """Return the calibrated log odds."""
        return self.slope * z


@dataclass(frozen=True)
class Platt(LogOdds):
    """A linear function of the score's log odds.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999.
    """

    slope: float
    intercept: float
    method: ClassVar[str] = "platt"

    def log_odds(self, z: Value, log_p: Value, log_q: Value) -> Value:
        """Return the calibrated log odds."""
        return self.slope * z + self.intercept


@dataclass(frozen=True)
class Beta(LogOdds):
    """Log odds a ln s - b ln(1 - s) + c.

    References
    ----------
    Kull, Silva Filho, Flach, "Beta calibration", AISTATS 2017.
    """

    a: float
    b: float
    c: float
    method: ClassVar[str] = "beta"

    def log_odds(self, z: Value, log_p: Value, log_q: Value) -> Value:
        """Return the calibrated log odds."""
        return self.a * log_p - self.b * log_q + self.c


@dataclass(frozen=True)
class Quadratic(LogOdds):
    """Log odds a z² + b z + c from `low` to `high`, and straight lines beyond, so that they rise everywhere.

    Parameters
    ----------
    a, b, c : float
    low, high : float
        The least and the greatest log odds of the scores that it was fitted on.
    """

    a: float
    b: float
    c: float
    low: float
    high: float
    method: ClassVar[str] = "quadratic"

    def log_odds(self, z: Value, log_p: Value, log_q: Value) -> Value:
        """Return the calibrated log odds."""
        if isinstance(z, Column):
            inside: Value = F.least(F.greatest(z, F.lit(self.low)), F.lit(self.high))
        else:
            inside = np.clip(z, self.low, self.high)
        return (self.a * inside + self.b) * inside + self.c + (2 * self.a * inside + self.b) * (z - inside)

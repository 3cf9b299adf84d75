"""Maps from a model's scores to probabilities, on NumPy arrays and as Spark expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.kernels.arrays import Floats
from steelyard.metrics.expressions import bisect, let, number_array, pad


class Calibrator(ABC):
    """A non-decreasing map from the score of one class to its probability."""

    method: ClassVar[str]

    @abstractmethod
    def apply_numpy(self, p: Floats) -> Floats:
        """Return the calibrated probabilities of scores."""

    @abstractmethod
    def apply(self, p: Column) -> Column:
        """Return the same as a Spark expression; give a plain column, since it is named several times."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON types, from which `steelyard.deciding.calibrator_from_json` rebuilds the map."""
        return {"method": self.method, **{k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}}


@dataclass(frozen=True)
class Identity(Calibrator):
    """Scores stay as they are."""

    method: ClassVar[str] = "none"

    def apply_numpy(self, p: Floats) -> Floats:
        """Return the scores."""
        return np.asarray(p, dtype=np.float64)

    def apply(self, p: Column) -> Column:
        """Return the column."""
        return p


@dataclass(frozen=True)
class Prior(Calibrator):
    """Undo a random resampling in closed form, for two classes: p = s b0 / (s b0 + (1 - s) b1).

    Exact where rows of a class were kept or repeated at random, or weighted; an approximation after SMOTE.

    Parameters
    ----------
    positive, negative : float
        Final count over original count of either class.

    References
    ----------
    Dal Pozzolo et al., "Calibrating probability with undersampling for unbalanced classification", SSCI 2015.
    """

    positive: float
    negative: float
    method: ClassVar[str] = "prior"

    def apply_numpy(self, p: Floats) -> Floats:
        """Return the corrected probabilities."""
        hits = p * self.negative
        return np.asarray(hits / (hits + (1.0 - p) * self.positive))

    def apply(self, p: Column) -> Column:
        """Return the corrected probability."""
        hits = p * F.lit(self.negative)
        return hits / (hits + (F.lit(1.0) - p) * F.lit(self.positive))


@dataclass(frozen=True)
class Isotonic(Calibrator):
    """Straight lines between knots, rising strictly from knot to knot.

    Parameters
    ----------
    x, y : tuple of float
        At least two knots; scores beyond the ends get the end's value.

    References
    ----------
    Zadrozny, Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    method: ClassVar[str] = "isotonic"

    @property
    def _slopes(self) -> Floats:
        return np.diff(self.y) / np.diff(self.x)

    def apply_numpy(self, p: Floats) -> Floats:
        """Return the calibrated probabilities."""
        x, y = np.array(self.x), np.array(self.y)
        kept = np.clip(p, x[0], x[-1])
        i = np.clip(np.searchsorted(x, kept, side="right") - 1, 0, len(x) - 2)
        return np.asarray(np.minimum(y[i] + (kept - x[i]) * self._slopes[i], y[i + 1]))

    def apply(self, p: Column) -> Column:
        """Return the calibrated probability: the same operations in the same order, so the same bits."""
        kept = F.least(F.greatest(p, F.lit(self.x[0])), F.lit(self.x[-1]))
        edges = pad(np.array(self.x[1:-1]))
        place = bisect(kept, number_array(edges), len(edges)) if len(self.x) > 2 else F.lit(0)
        pieces = np.stack([self.x[:-1], self.y[:-1], self._slopes, self.y[1:]], axis=1)

        def on_piece(piece: Column) -> Column:
            x, y, slope, most = (F.element_at(piece, j) for j in range(1, 5))
            return F.least(y + (kept - x) * slope, most)

        own = F.slice(number_array(pieces.ravel()), place * 4 + 1, F.lit(4))
        return F.when(p.isNotNull(), let(own, on_piece))

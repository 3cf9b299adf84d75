"""Intervals of probabilities by inductive Venn-Abers prediction, on NumPy arrays and as Spark expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.errors import ConfigError, InputError
from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.venn_abers import venn_abers
from steelyard.metrics import ScoreTable
from steelyard.metrics.expressions import bisect, number_array, pad

VENN_ABERS = "venn_abers"
ENDS = ("probability_low", "probability_high")
"""Names of the columns that hold the ends of a row's interval."""
_MOST_STEPS = 1024


@dataclass(frozen=True)
class StepFunction:
    """A rising step function of a score.

    Parameters
    ----------
    edges : tuple of float
        Ascending; a step begins at its edge.
    values : tuple of float
        One more than edges: before the first edge, and from each on.
    """

    edges: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, edges: Floats, values: Floats) -> StepFunction:
        """Return the function without edges at which nothing changes."""
        there = np.flatnonzero(np.diff(values))
        return cls(tuple(edges[there].tolist()), (float(values[0]), *values[there + 1].tolist()))

    def thinned(self, *, down: bool) -> StepFunction:
        """Return at most 1,024 steps, each the lowest (`down`) or the highest value of those that it replaces."""
        n = len(self.edges)
        if n <= _MOST_STEPS:
            return self
        kept = np.unique(np.linspace(0, n - 1, _MOST_STEPS).astype(int))
        edges, values = np.array(self.edges)[kept], np.array(self.values)
        # From edge i on, the value is values[i + 1]; up to the next kept edge j it is values[j].
        chosen = [values[0], *values[kept + 1]] if down else [*values[kept], values[n]]
        return StepFunction(tuple(edges.tolist()), tuple(map(float, chosen)))

    def apply_numpy(self, score: Floats) -> Floats:
        """Return the value at each score."""
        return np.array(self.values)[np.searchsorted(self.edges, score, side="right")]

    def apply(self, score: Column) -> Column:
        """Return the same as a Spark expression; give a plain column, since it is named several times."""
        edges = pad(np.array(self.edges, dtype=np.float64))
        place = bisect(score, number_array(edges), len(edges))
        return F.when(score.isNotNull(), F.element_at(number_array(np.array(self.values)), place + 1))

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"edges": list(self.edges), "values": list(self.values)}


@dataclass(frozen=True)
class VennAbers:
    """The interval of probabilities of a score, from validation rows.

    Parameters
    ----------
    low, high : StepFunction
        Of the model's own score, before a calibration.
    rows : int
        Validation rows.
    median_width : float
        Of the intervals of the validation rows.
    """

    low: StepFunction
    high: StepFunction
    rows: int
    median_width: float

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {
            "method": VENN_ABERS,
            "low": self.low.to_json(),
            "high": self.high.to_json(),
            "rows": self.rows,
            "median_width": self.median_width,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> VennAbers:
        """Return the intervals that `to_json` described."""
        low, high = (
            StepFunction(*(tuple(document[end][name]) for name in ("edges", "values"))) for end in ("low", "high")
        )
        return cls(low, high, document["rows"], document["median_width"])


def check_uncertainty(method: str, classes: Sequence[str]) -> None:
    """Raise `ConfigError` for intervals of more than two classes."""
    if method == VENN_ABERS and len(classes) > 2:
        raise ConfigError(f"decide.uncertainty: {VENN_ABERS} is for two classes, and the label has {len(classes)}")


def fit_venn_abers(table: ScoreTable) -> VennAbers:
    """Return intervals from validation scores.

    A new row weighs what a validation row of its class weighs on average, so that factors on all weights change
    nothing.

    Raises
    ------
    InputError
        If no validation row has a weight.
    """
    there = (table.size > 0)[::-1]
    if not there.any():
        raise InputError(f"decide.uncertainty: {VENN_ABERS} needs validation rows with a weight")
    least, most, pos, neg = (of[::-1][there] for of in (table.low, table.high, table.pos, table.neg))
    low, high = venn_abers(pos, neg, _mean(table.pos, table.count_pos), _mean(table.neg, table.count_neg))
    # p0 changes at a score, p1 after it: the next double above.
    return VennAbers(
        StepFunction.of(least, np.concatenate([[0.0], low])).thinned(down=True),
        StepFunction.of(np.nextafter(most, np.inf), np.concatenate([high, [1.0]])).thinned(down=False),
        int(table.count_pos.sum() + table.count_neg.sum()),
        _median(high - low, pos + neg),
    )


def _mean(weight: Floats, rows: Counts) -> float:
    """Return the mean weight of a class's rows, 1 without any."""
    return float(weight.sum() / rows.sum()) if weight.sum() > 0 else 1.0


def _median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values, kind="stable")
    return float(values[order[np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)]])

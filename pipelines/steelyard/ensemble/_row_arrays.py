"""Rows of a sequential ensemble as arrays: what a round computes of each row by itself. Needs no Spark."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from steelyard.hashing import HASH_BITS
from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.xxhash import xxhash64
from steelyard.learning.local import LocalLearner, predictors

DRAW_BITS = 62
SCALE = 2.0**-30
"""Of hardness in exact sums, whose terms are at most 1."""
_CHUNK = 1 << 16  # rows that a member scores at once


class Change(NamedTuple):
    """How a round changes margins: by `rate` times what the last member says of a row.

    Parameters
    ----------
    by : {"m2", "samme", "score", "zero"}
        How wrong the member is, as in `RowArrays.wrongness`; its probability of the second class; or the margins are
        set to 0.
    rate : float, default 1.0
    """

    by: str
    rate: float = 1.0


class Strata(NamedTuple):
    """Bins of hardness of the rows of one label, of equal width; rows of other labels are in one more stratum.

    Parameters
    ----------
    number : int
        Members so far.
    label, bins : int
    low, high : float
        The least and the greatest hardness.
    """

    number: int
    label: int
    bins: int
    low: float = 0.0
    high: float = 0.0


class Sampled(NamedTuple):
    """Rows among which a sample is: their indices, strata, positions in the draw, and weights for the member."""

    rows: Counts
    stratum: Counts
    position: Counts
    weight: Floats


@dataclass(frozen=True)
class RowArrays:
    """Some or all rows with what rounds know of them.

    Parameters
    ----------
    counts : dict of str to int
        Rows of each class, in the whole table.
    bag : dict of str to int
        Rows of each class that a round draws.
    learner : LocalLearner
    seed : int
    label : array
        Position of the class.
    margin : array of float64
        In boosting the logarithm of the row's weight, which starts with that of `weight`.
    unit : array of int64
        What identifies rows.
    weight : array of float64
    features : array of float32, shape (n_rows, n_features)
    bound : float
        Of the margins, in boosting: weights are numbers up to 1 in units of its exponential.
    top : float
        The largest margin, at most `bound`.
    score : array of float64, optional
        The last member's probability of the second class.
    """

    counts: Mapping[str, int]
    bag: Mapping[str, int]
    learner: LocalLearner
    seed: int
    label: NDArray[np.int8]
    margin: Floats
    unit: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    weight: Floats = field(default_factory=lambda: np.empty(0))
    features: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    bound: float = 0.0
    top: float = 0.0
    score: Floats | None = None

    @property
    def weights(self) -> Floats:
        """The weights of the rows in boosting, in [0, 1]."""
        found: Floats = np.exp(self.margin - self.bound)
        return found

    def wrongness(self, algorithm: str) -> Floats:
        """Return how wrong the member is for a row: its probability of the other class, or whether it decides so."""
        assert self.score is not None
        score = (self.score > 0.5).astype(np.float64) if algorithm == "samme" else self.score
        return np.where(self.label == 1, 1.0 - score, score)

    def changed(self, change: Change | None) -> Self:
        """Return the rows with new margins, and without scores."""
        if change is None:
            return self
        if change.by == "zero":
            return replace(self, margin=np.zeros(len(self.label)), score=None)
        added = self.score if change.by == "score" else self.wrongness(change.by)
        assert added is not None
        return replace(self, margin=self.margin + change.rate * added, score=None)

    def scores(self, member: bytes) -> Floats:
        """Return a member's probability of the second class."""
        [known] = predictors(self.learner.estimator, json.dumps(dict(self.learner.params)), (member,))
        parts = [known(self.features[i : i + _CHUNK])[:, 1] for i in range(0, len(self.label), _CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def hardness(self, number: int, label: int) -> Floats:
        """Return the distance of the mean of so many members' probabilities from the label, of the label's rows."""
        mean = self.margin[self.label == label] / float(max(number, 1))
        found: Floats = np.abs(mean - float(label))
        return found

    def binned(self, of: Strata) -> tuple[Counts, Floats]:
        """Return the bins of the label's rows, and their hardness."""
        hard = self.hardness(of.number, of.label)
        if not of.number or of.high <= of.low:
            return np.zeros(len(hard), np.int64), hard
        bins = np.floor((hard - of.low) / (of.high - of.low) * float(of.bins))
        return np.minimum(bins, of.bins - 1).astype(np.int64), hard

    def ranked(self, number: int, of: Strata, limits: Sequence[int] | None = None) -> Sampled:
        """Return the rows of each stratum in a random order, up to a limit of their positions."""
        stratum = np.full(len(self.label), of.bins)
        stratum[self.label == of.label] = self.binned(of)[0]
        position = self.place(number, self.unit)
        rows = np.arange(len(position)) if limits is None else np.flatnonzero(position <= np.asarray(limits)[stratum])
        return Sampled(rows, stratum[rows], position[rows], self.weight[rows])

    def raced(self, number: int, sums: Mapping[int, float], limits: Sequence[int] | None = None) -> Sampled:
        """Return the rows among which a round's sample is, with the weights that it gives them.

        A sample holds rows of each class, drawn without replacement in proportion to their weights: those that have the
        smallest exponential variables -ln(u) / w [1]_. All drawn rows of a class get the same weight, whose sum is to
        the class's as the rows drawn are to all. A class that is taken whole keeps its weights.

        Parameters
        ----------
        number : int
            Of the round.
        sums : mapping of int to float
            Of the weights of each label.
        limits : sequence of int, optional
            Of the positions of each label; see `race_limit`.

        References
        ----------
        .. [1] Efraimidis, Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97,
           2006.
        """
        mean = [sums[i] / n for i, n in enumerate(self.counts.values())]
        scale = sum(self.bag.values()) / sum(mean[i] * n for i, n in enumerate(self.bag.values()))
        found = []
        for i, (c, n) in enumerate(self.bag.items()):
            own = np.flatnonzero(self.label == i)
            weights = np.exp(self.margin[own] - self.bound)
            if n == self.counts[c]:
                found.append(Sampled(own, np.full(len(own), i), np.zeros(len(own), np.int64), weights * scale))
                continue
            own, position = self._race(number, own, weights / mean[i], None if limits is None else limits[i])
            found.append(Sampled(own, np.full(len(own), i), position, np.full(len(own), mean[i] * scale)))
        return Sampled(*(np.concatenate(part) for part in zip(*found, strict=True)))

    def place(self, number: int, units: Counts) -> Counts:
        """Return a 63-bit hash of units for a round."""
        return (xxhash64(units, [self.seed, "draw", number]) >> np.uint64(1)).view(np.int64)

    def _race(self, number: int, own: Counts, weight: Floats, limit: int | None) -> tuple[Counts, Counts]:
        """Return rows, and -ln(u) / weight as a position: through 1 - exp(-x), uniform for equal weights of 1."""
        uniform = (self.place(number, self.unit[own]).astype(np.float64) + 0.5) * 2.0**-HASH_BITS
        if limit is not None and limit < 2**DRAW_BITS:
            # 1 - u is at most -ln(u): most rows are beyond the limit by this alone, without a logarithm.
            near = np.flatnonzero(1.0 - uniform <= weight * (-math.log1p(-limit * 2.0**-DRAW_BITS) * 1.001) + 1e-12)
            own, uniform, weight = own[near], uniform[near], weight[near]
        place = -np.expm1(np.log(uniform) / np.maximum(weight, 1e-300)) * 2.0**DRAW_BITS
        position = np.minimum(place, 2.0**DRAW_BITS - 2.0**10).astype(np.int64)
        if limit is None:
            return own, position
        inside = position <= limit
        return own[inside], position[inside]


def ample(wanted: int, of: int, reach: float) -> float:
    """Return a share of rows that nearly always has as many as wanted: six standard deviations more."""
    return min((wanted + 6 * math.sqrt(wanted) + 6) / max(of, 1) * reach, 1.0)


def race_limit(wanted: int, of: int, reach: float) -> int:
    """Return the last position of candidates; their exponential variables reach `reach` times as far as by default."""
    share = ample(wanted, of, 1.0)
    below = 1.0 if share == 1 else -math.expm1(math.log1p(-share) * reach)
    return int(below * 2.0**DRAW_BITS)


def rank_limit(wanted: int, of: int, reach: float) -> int:
    """Return the last place of candidates in a random order."""
    return min(int(ample(wanted, of, reach) * 2.0**HASH_BITS), (1 << HASH_BITS) - 1)

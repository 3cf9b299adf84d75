"""Rounds of a sequential ensemble in the memory of one task: what `Rounds` does with rows on the executors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from steelyard.hashing import HASH_BITS
from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.exact_sums import exact_sum
from steelyard.kernels.random import words
from steelyard.kernels.xxhash import xxhash64
from steelyard.learning.local import LocalLearner, TaskModel
from steelyard.learning.members import fit_member, task_seed

LOOSE = 2 * math.log(2)
"""A bound of the logarithms of the weights is at most so far above the largest."""
DRAW_BITS = 62
_CHUNK = 1 << 16  # rows that a member scores at once


@dataclass(frozen=True)
class ArrayRounds:
    """All rows with what rounds know of them.

    Parameters
    ----------
    unit : array of int64
        Ascending.
    features : array of float32, shape (n_rows, n_features)
    label, weight, margin : array of float64
        `margin` as in `Rounds`.
    counts, bag, learner, seed, bound, top
        As in `Rounds`.
    score : array of float64, optional
        The last member's probability of the second class.
    """

    unit: Counts
    features: NDArray[np.float32]
    label: Floats
    weight: Floats
    margin: Floats
    counts: Mapping[str, int]
    bag: Mapping[str, int]
    learner: LocalLearner
    seed: int
    bound: float = 0.0
    top: float = 0.0
    score: Floats | None = None

    @classmethod
    def start(
        cls,
        rows: Mapping[str, Any],
        back: Sequence[float],
        counts: Mapping[str, int],
        bag: Mapping[str, int],
        learner: LocalLearner,
        seed: int,
    ) -> Self:
        """Return rows with their first margins; the weights of each label are multiplied by `back`."""
        with np.errstate(divide="ignore"):
            margin = np.log(rows["weight"] * np.asarray(back)[rows["label"].astype(np.int64)])
        top = float(margin.max())
        return cls(**rows, margin=margin, counts=counts, bag=bag, learner=learner, seed=seed, bound=top, top=top)

    @property
    def weights(self) -> Floats:
        """The weights of the rows in boosting, in [0, 1]."""
        found: Floats = np.exp(self.margin - self.bound)
        return found

    def weighed(self) -> tuple[Self, dict[int, float]]:
        """Return the rounds with their `top`, and the sum of the weights of each label."""
        top = float(self.margin.max())
        if top < self.bound - LOOSE:
            return replace(self, bound=top).weighed()
        return replace(self, top=top), self._sums(self.weights)

    def member(self, number: int, sums: Mapping[int, float], synthetic: Mapping[str, int] | None = None) -> TaskModel:
        """Train the member of a round on a sample that is drawn by weights; see `Rounds.member`."""
        weights, mean = self.weights, [sums[i] / n for i, n in enumerate(self.counts.values())]
        scale = sum(self.bag.values()) / sum(mean[i] * n for i, n in enumerate(self.bag.values()))
        taken, own_weights = [], []
        for i, (c, n) in enumerate(self.bag.items()):
            own = np.flatnonzero(self.label == i)
            if n == self.counts[c]:
                taken.append(own)
                own_weights.append(weights[own] * scale)
                continue
            own = own[smallest(self._race(number, own, weights[own] / mean[i]), n)]
            taken.append(own)
            own_weights.append(np.full(n, mean[i] * scale))
        chosen = np.concatenate(taken)
        order = np.argsort(chosen)
        return self._fit(number, chosen[order], np.concatenate(own_weights)[order], synthetic)

    def _fit(
        self, number: int, chosen: Counts, weights: Floats, synthetic: Mapping[str, int] | None = None
    ) -> TaskModel:
        seed = task_seed(int(words([number], self.seed, "round")[0] >> np.uint64(33)), 0)
        return fit_member(self.learner, self.features[chosen], self.label[chosen], weights, seed, synthetic)

    def scored(self, member: TaskModel) -> Self:
        """Return the rounds with the member's probability of the second class."""
        known = self.learner.load(member.model)
        parts = [known(self.features[i : i + _CHUNK])[:, 1] for i in range(0, len(self.label), _CHUNK)]
        return replace(self, score=np.concatenate(parts))

    def wrong(self, algorithm: str) -> float:
        """Return the sum of the weights, each times how wrong the member is for its row."""
        return sum(self._sums(self.weights * self._wrong(algorithm)).values())

    def _wrong(self, algorithm: str) -> Floats:
        assert self.score is not None
        score = (self.score > 0.5).astype(np.float64) if algorithm == "samme" else self.score
        return np.where(self.label == 1, 1.0 - score, score)

    def reweighted(self, algorithm: str, rate: float) -> Self:
        """Return the rounds after the update of the weights."""
        margin = self.margin + rate * self._wrong(algorithm)
        return replace(self, margin=margin, bound=self.top + rate, score=None)

    def zeroed(self) -> Self:
        """Return the rounds with margins of 0: sums of the members' probabilities."""
        return replace(self, margin=np.zeros_like(self.margin))

    def added(self) -> Self:
        """Return the rounds with the scores added to the margins."""
        assert self.score is not None
        return replace(self, margin=self.margin + self.score, score=None)

    def hardness(self, number: int, label: int, bins: int) -> tuple[Any, list[int], list[float]]:
        """Return the stratum of each row, and the rows and the mean hardness of each bin; see `Rounds.hardness`."""
        ours = self.label == label
        hard = np.abs(self.margin / float(max(number, 1)) - float(label))[ours]
        low, high = float(hard.min()), float(hard.max())
        own = np.zeros(len(hard), np.int64)
        if number and high > low:
            own = np.minimum(np.floor((hard - low) / (high - low) * float(bins)), bins - 1).astype(np.int64)
        stratum = np.full(len(ours), bins)
        stratum[ours] = own
        counts = np.bincount(own, minlength=bins).tolist()
        sums = [exact_sum(hard[own == b] * 2.0**-30) for b in range(bins)]
        return stratum, counts, [s / (n * 2.0**-30) if n else 0.0 for s, n in zip(sums, counts, strict=True)]

    def drawn(self, number: int, stratum: Any, take: Sequence[int], sizes: Sequence[int]) -> TaskModel:
        """Train the member of a round on rows that are drawn from each stratum."""
        of = [np.flatnonzero(stratum == s) for s in range(len(sizes))]
        chosen = np.sort(
            np.concatenate([own[smallest(self.place(number, own), n)] for own, n in zip(of, take, strict=True)])
        )
        return self._fit(number, chosen, self.weight[chosen])

    def place(self, number: int, rows: Counts) -> Counts:
        """Return the 63-bit hash of rows for a round."""
        return (xxhash64(self.unit[rows], [self.seed, "draw", number]) >> np.uint64(1)).view(np.int64)

    def _race(self, number: int, rows: Counts, weight: Floats) -> Counts:
        uniform = (self.place(number, rows).astype(np.float64) + 0.5) * 2.0**-HASH_BITS
        place = -np.expm1(np.log(uniform) / np.maximum(weight, 1e-300)) * 2.0**DRAW_BITS
        return np.minimum(place, 2.0**DRAW_BITS - 2.0**10).astype(np.int64)

    def _sums(self, terms: Floats) -> dict[int, float]:
        return {i: exact_sum(terms[self.label == i]) for i in range(len(self.counts))}


def smallest(position: Counts, n: int) -> Counts:
    """Return the indices of the n smallest positions, ascending; among equal ones, the first.

    Examples
    --------
    >>> smallest(np.array([5, 3, 4, 3, 5]), 3).tolist()
    [1, 2, 3]
    """
    if n >= len(position):
        return np.arange(len(position))
    if n == 0:
        return np.arange(0)
    last = np.partition(position, n - 1)[n - 1]
    kept = position < last
    kept[np.flatnonzero(position == last)[: n - int(kept.sum())]] = True
    return np.flatnonzero(kept)

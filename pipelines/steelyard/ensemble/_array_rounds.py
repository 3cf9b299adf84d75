"""Rounds of a sequential ensemble in the memory of one task: what `Rounds` does with rows on the executors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from steelyard.ensemble._row_arrays import SCALE, Change, RowArrays, Sampled, Strata, race_limit
from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.exact_sums import exact_sum
from steelyard.kernels.random import words
from steelyard.learning.local import LocalLearner, TaskModel
from steelyard.learning.members import fit_member, task_seed

LOOSE = 2 * math.log(2)
"""A bound of the logarithms of the weights is at most so far above the largest."""


@dataclass(frozen=True)
class ArrayRounds(RowArrays):
    """All rows, by ascending unit, with what rounds know of them."""

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
        margin = first_margins(rows["weight"], rows["label"], back)
        top = float(margin.max())
        return cls(**rows, margin=margin, counts=counts, bag=bag, learner=learner, seed=seed, bound=top, top=top)

    def weighed(self) -> tuple[Self, dict[int, float]]:
        """Return the rounds with their `top`, and the sum of the weights of each label."""
        top = float(self.margin.max())
        if top < self.bound - LOOSE:
            return replace(self, bound=top).weighed()
        return replace(self, top=top), self._sums(self.weights)

    def member(self, number: int, sums: Mapping[int, float], synthetic: Mapping[str, int] | None = None) -> TaskModel:
        """Train the member of a round on a sample that is drawn by weights; see `Rounds.member`."""
        take = list(self.bag.values())
        limits = [race_limit(n, self.counts[c], 1.0) for c, n in self.bag.items()]
        sampled = self.raced(number, sums, limits)
        if (np.bincount(sampled.stratum, minlength=len(take)) < take).any():
            sampled = self.raced(number, sums)
        return self._fit(number, sampled, take, synthetic)

    def _fit(
        self, number: int, sampled: Sampled, take: Sequence[int], synthetic: Mapping[str, int] | None = None
    ) -> TaskModel:
        kept = _taken(sampled, take)
        rows, seed = sampled.rows[kept], round_seed(self.seed, number)
        return fit_member(
            self.learner, self.features[rows], self.label[rows], sampled.weight[kept], task_seed(seed, 0), synthetic
        )

    def scored(self, member: TaskModel) -> Self:
        """Return the rounds with the member's probability of the second class."""
        return replace(self, score=self.scores(member.model))

    def wrong(self, algorithm: str) -> float:
        """Return the sum of the weights, each times how wrong the member is for its row."""
        return sum(self._sums(self.weights * self.wrongness(algorithm)).values())

    def reweighted(self, algorithm: str, rate: float) -> Self:
        """Return the rounds after the update of the weights."""
        return replace(self.changed(Change(algorithm, rate)), bound=self.top + rate)

    def zeroed(self) -> Self:
        """Return the rounds with margins of 0: sums of the members' probabilities."""
        return self.changed(Change("zero"))

    def added(self) -> Self:
        """Return the rounds with the scores added to the margins."""
        return self.changed(Change("score"))

    def bins(self, number: int, label: int, bins: int) -> tuple[Strata, list[int], list[float]]:
        """Return the strata of the rows, and the rows and the mean hardness of each bin; see `Rounds.bins`."""
        hard = self.hardness(number, label)
        of = Strata(number, label, bins, float(hard.min()), float(hard.max()))
        own = self.binned(of)[0]
        counts = np.bincount(own, minlength=bins).tolist()
        sums = [exact_sum(hard[own == b] * SCALE) for b in range(bins)]
        return of, counts, [s / (n * SCALE) if n else 0.0 for s, n in zip(sums, counts, strict=True)]

    def drawn(self, number: int, strata: Strata, take: Sequence[int], sizes: Sequence[int]) -> TaskModel:
        """Train the member of a round on rows that are drawn from each stratum."""
        return self._fit(number, self.ranked(number, strata), take)

    def _sums(self, terms: Floats) -> dict[int, float]:
        return {i: exact_sum(terms[self.label == i]) for i in range(len(self.counts))}


def first_margins(weight: Floats, label: Any, back: Sequence[float]) -> Floats:
    """Return the logarithms of weights; those of each label are multiplied by `back`."""
    with np.errstate(divide="ignore"):
        found: Floats = np.log(weight * np.asarray(back)[label.astype(np.int64)])
    return found


def round_seed(seed: int, number: int) -> int:
    """Return the seed of a round."""
    return int(words([number], seed, "round")[0] >> np.uint64(33))


def _taken(sampled: Sampled, take: Sequence[int]) -> Counts:
    """Return the indices of the rows of each stratum with the smallest positions, by the order of the rows."""
    of = (np.flatnonzero(sampled.stratum == s) for s in range(len(take)))
    kept = np.concatenate([own[smallest(sampled.position[own], n)] for own, n in zip(of, take, strict=True)])
    ordered: Counts = kept[np.argsort(sampled.rows[kept])]
    return ordered


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

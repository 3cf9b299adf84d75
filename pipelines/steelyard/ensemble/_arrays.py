"""Balanced bags of rows in memory: what one task trains of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from steelyard.ensemble._quotas import Quotas
from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.random import uniform, words
from steelyard.learning.arrays import ArrayModel, ArrayRows, Standardiser, of_second
from steelyard.learning.local import LocalLearner


def fit_bags(
    rows: ArrayRows, learner: LocalLearner, of: Quotas, *, replacement: bool, impute: bool, seed: int
) -> ArrayModel:
    """Return the mean of the members' probabilities.

    Parameters
    ----------
    rows : ArrayRows
    learner : LocalLearner
    of : Quotas
        Its classes are in the order of the labels.
    replacement : bool
        Whether a bag draws with replacement. Otherwise bags are disjoint as long as rows last.
    impute : bool
    seed : int
    """
    prepared = Standardiser.of(rows.features) if impute else None
    x = rows.features if prepared is None else prepared.apply(rows.features).astype(np.float32)
    whole = replace(rows, features=x)
    seeds = words(np.arange(of.bags), seed, "task") >> np.uint64(33)
    members = []
    for bag, own in zip(_bags(rows.label, of, seed, replacement=replacement), seeds.tolist(), strict=True):
        part = whole.where(bag)
        trained = learner.fit(part.features, part.label, sample_weight=part.weight, seed=int(own))
        members.append(learner.load(trained))

    def predict(features: NDArray[np.float32]) -> Floats:
        given = features if prepared is None else prepared.apply(features).astype(np.float32)
        found: Floats = np.mean([of_second(member(given)) for member in members], axis=0)
        return found

    return ArrayModel(predict, facts={"members": of.bags})


def _bags(label: Floats, of: Quotas, seed: int, *, replacement: bool) -> list[Counts]:
    """Return the positions of each bag's rows, ascending."""
    parts = [
        _of_class(np.flatnonzero(label == i), n, of.bags, seed, replacement) for i, n in enumerate(_in_order(of.bag))
    ]
    return [np.sort(np.concatenate(bag)) for bag in zip(*parts, strict=True)]


def _in_order(bag: Mapping[str, int]) -> list[int]:
    return list(bag.values())


def _of_class(own: Counts, rows: int, bags: int, seed: int, replacement: bool) -> list[Counts]:
    """Return the rows of one class in each bag."""
    if replacement:
        draws = np.arange(rows)
        return [own[(uniform(draws, seed, "draw", k) * len(own)).astype(np.int64)] for k in range(bags)]
    found, rounds, start = list[Counts](), 0, len(own)
    for _ in range(bags):
        if start + rows > len(own):
            order, start = own[np.argsort(uniform(own, seed, "bags", rounds), kind="stable")], 0
            rounds += 1
        found.append(order[start : start + rows])
        start += rows
    return found

"""Resampling of rows in memory: what one Spark task does before it trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from steelyard.comparing._candidates import GUIDED_ROWS
from steelyard.distortion import Distortion
from steelyard.domain import Domain
from steelyard.errors import InputError
from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.guided import keeping_weights
from steelyard.kernels.random import uniform
from steelyard.learning.arrays import ArrayRows, Standardiser
from steelyard.learning.local import LocalLearner
from steelyard.sampling.strategy import Strategy, for_part, resolve

_KNOWN = {
    "none": set[str](),
    "random_under_sampler": {"sampling_strategy", "random_state"},
    "guided_under_sampler": {"sampling_strategy", "random_state", "min_rows"},
    "smote": {"sampling_strategy", "random_state", "k_neighbors", "missing"},
}
PILOT = LocalLearner("xgboost", {"n_estimators": 50, "max_depth": 4, "learning_rate": 0.1})
_BAG = 50_000


@dataclass(frozen=True)
class Sampling:
    """A sampler.

    Parameters
    ----------
    method : str
    params : mapping
    classes : tuple of str
        In the order of their numbers.
    thinned : tuple of float
        The share of each class's rows that are left here; the sampler does what it would do to all of them. Default: 1.
    whole : mapping of str to int
        Rows of each class to which a map of class to rows refers; empty: those that are sampled.
    """

    method: str
    params: Mapping[str, Any]
    classes: tuple[str, ...]
    thinned: tuple[float, ...] = ()
    whole: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "thinned", self.thinned or (1.0,) * len(self.classes))

    @staticmethod
    def knows(method: str, params: Mapping[str, Any], domain: Domain = MappingProxyType({})) -> bool:
        """Whether a sampler with these parameters can work on rows in memory: new rows obey no domain there."""
        obeys = method != "smote" or not any(of.shapes_rows for of in domain.values())
        return obeys and method in _KNOWN and set(params) <= _KNOWN[method]

    def apply(self, rows: ArrayRows, place: Counts) -> tuple[ArrayRows, Distortion]:
        """Return the resampled rows, and how that changed the class prior.

        Parameters
        ----------
        rows : ArrayRows
        place : array of int
            The order in which rows are drawn: those with the smallest numbers are kept.
        """
        if self.method == "random_under_sampler":
            return self._under(rows, place)
        if self.method == "guided_under_sampler":
            return self._guided(rows, place)
        if self.method == "smote":
            return self._smote(self._weighted_back(rows))
        return self._weighted_back(rows), Distortion()

    def _weighted_back(self, rows: ArrayRows) -> ArrayRows:
        return replace(rows, weight=rows.weight / np.array(self.thinned)[rows.label.astype(int)])

    def _counts(self, rows: ArrayRows) -> dict[str, int]:
        """Return the rows of each class before thinning."""
        return {c: round((rows.label == i).sum() / self.thinned[i]) for i, c in enumerate(self.classes)}

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {**counts, **resolve(self._strategy(counts), counts, "under-sampling")}

    def _strategy(self, counts: Mapping[str, int]) -> Strategy:
        shares = {c: counts[c] / n for c, n in self.whole.items()}
        params = for_part(self.params, shares) if shares else self.params
        return cast("Strategy", params.get("sampling_strategy", "auto"))

    def _under(self, rows: ArrayRows, place: Counts) -> tuple[ArrayRows, Distortion]:
        counts = self._counts(rows)
        targets, kept, factor = self._targets(counts), list[Counts](), np.ones(len(rows))
        for i, c in enumerate(self.classes):
            own = np.flatnonzero(rows.label == i)
            chosen = own[np.argsort(place[own], kind="stable")[: targets[c]]]
            factor[chosen] = targets[c] / max(len(chosen), 1)  # above 1 where thinning left too few
            kept.append(chosen)
        chosen = np.sort(np.concatenate(kept))
        picked = replace(rows, weight=rows.weight * factor).where(chosen)
        return picked, Distortion({c: targets[c] / n for c, n in counts.items()})

    def _guided(self, rows: ArrayRows, place: Counts) -> tuple[ArrayRows, Distortion]:
        if len(self.classes) > 2:
            raise InputError(f"guided_under_sampler takes two classes, and there are {len(self.classes)}")
        counts, seed = self._counts(rows), int(self.params.get("random_state", 0))
        rare, common = sorted(self.classes, key=counts.__getitem__)
        at = self.classes.index(rare)
        others = np.flatnonzero(rows.label != at)
        least = int(self.params.get("min_rows", GUIDED_ROWS)) - counts[rare]
        wanted, share = min(max(self._targets(counts)[common], least), len(others)), self.thinned[1 - at]
        if wanted == len(others) and share == 1:
            return rows, Distortion()
        weights = keeping_weights(self._pilot(rows, place, at, seed), counts[rare] / sum(counts.values()))
        position = uniform(place, seed, "guided") / weights
        order = others[np.argsort(position[others], kind="stable")]
        cut = position[order[wanted]] if wanted < len(order) else np.inf
        offset = -np.log(np.minimum(cut * weights, 1.0) * share)
        kept = np.sort(np.concatenate([np.flatnonzero(rows.label == at), order[:wanted]]))
        drawn = replace(rows, offset=offset if at == 1 else -offset).where(kept)
        return drawn, Distortion({common: wanted / counts[common]})

    def _pilot(self, rows: ArrayRows, place: Counts, at: int, seed: int) -> Floats:
        """Return the rarer class's probability by a small model of as many rows of one class as of the other."""
        order = np.argsort(uniform(place, seed, "pilot"), kind="stable")
        sides = [order[rows.label[order] == i] for i in (0, 1)]
        bag = np.sort(np.concatenate([side[: min(*map(len, sides), _BAG)] for side in sides]))
        model = PILOT.fit(rows.features[bag], rows.label[bag], seed=seed)
        return PILOT.load(model)(rows.features)[:, at]

    def _smote(self, rows: ArrayRows) -> tuple[ArrayRows, Distortion]:
        from imblearn.over_sampling import SMOTE

        prepared = Standardiser.of(rows.features)
        counts = self._counts(rows)
        strategy = resolve(self._strategy(counts), counts, "over-sampling")
        wanted = {self.classes.index(c): n for c, n in strategy.items()}
        smote = SMOTE(
            sampling_strategy=wanted,
            k_neighbors=int(self.params.get("k_neighbors", 5)),
            random_state=int(self.params.get("random_state", 0)),
        )
        made, label = smote.fit_resample(prepared.apply(rows.features), rows.label)
        new = prepared.undo(made[len(rows) :])
        means = np.array([rows.weight[rows.label == i].mean() for i in range(len(self.classes))])
        weight = np.concatenate([rows.weight, means[label[len(rows) :].astype(int)]])
        rates = {c: strategy.get(c, n) / n for c, n in counts.items()}
        return ArrayRows(np.concatenate([rows.features, new]), label, weight), Distortion(rates, exact=False)

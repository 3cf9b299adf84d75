"""Rounds of a sequential ensemble: exact sums over all rows, weighted draws, and the score of each new member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import DataFrame

from steelyard.ensemble import _blocks
from steelyard.ensemble._array_rounds import LOOSE, round_seed
from steelyard.ensemble._bags import UNIT
from steelyard.ensemble._row_arrays import SCALE, Change, Strata, race_limit, rank_limit
from steelyard.frames.caching import Latest
from steelyard.frames.workers import in_worker
from steelyard.kernels.exact_sums import from_halves
from steelyard.learning.local import LocalLearner, TaskModel
from steelyard.learning.tasks import PLACE, POSITION, STRATUM, TASK, fit_tasks

_SAMPLE = f"{TASK} int, {PLACE} bigint, features binary, label double, weight double, {STRATUM} int, {POSITION} bigint"
_STATE = ("label", "margin", "score")


@dataclass(frozen=True)
class Total:
    """Rows of a group, the exact sum of their terms, and the least and the largest of their values."""

    n: int
    sum: float
    least: float
    largest: float


@dataclass(frozen=True)
class Rounds:
    """All rows with what rounds know of them.

    Parameters
    ----------
    rows : DataFrame
        Blocks, see `_blocks`.
    latest : Latest
        Keeps them.
    counts : dict of str to int
        Rows of each class.
    bag : dict of str to int
        Rows of each class that a round draws.
    learner : LocalLearner
    seed : int
    bound, top : float
        As in `RowArrays`.
    change : Change, optional
        The last change of the margins, which is written with the next scores.
    """

    rows: DataFrame
    latest: Latest
    counts: dict[str, int]
    bag: dict[str, int]
    learner: LocalLearner
    seed: int
    bound: float = 0.0
    top: float = 0.0
    change: Change | None = None

    @classmethod
    def start(
        cls,
        units: DataFrame,
        counts: Mapping[str, int],
        kept: Mapping[str, int],
        bag: Mapping[str, int],
        learner: LocalLearner,
        seed: int,
        latest: Latest,
    ) -> Rounds:
        """Return rows with their first margins; where some of them were `kept`, those are weighted back."""
        pack = in_worker("steelyard.ensemble._blocks", "pack", back=[counts[c] / n for c, n in kept.items()])
        blocks = units.select(UNIT, "features", "label", "weight").mapInArrow(pack, _blocks.ROWS)
        sizes = {c: min(bag[c], n) for c, n in kept.items()}
        rounds = cls(latest.keep(blocks), latest, dict(kept), sizes, learner, seed)
        top = max(of.largest for of in rounds.totals("margin").values())
        return replace(rounds, bound=top, top=top)

    def totals(self, *of: Any) -> dict[int, Total]:
        """Return totals by group; `of` as for `_blocks.totals`."""
        groups: dict[int, list[Any]] = {}
        for row in self._through("totals", _STATE, _blocks.TOTALS, of=of).collect():
            groups.setdefault(row["g"], []).append(row)
        return {g: _total(rows) for g, rows in groups.items()}

    def weighed(self) -> tuple[Rounds, dict[int, float]]:
        """Return the rounds with their `top`, and the sum of the weights of each label."""
        found = self.totals("weights")
        top = max(of.largest for of in found.values())
        if top < self.bound - LOOSE:
            return replace(self, bound=top).weighed()
        return replace(self, top=top), {label: of.sum for label, of in found.items()}

    def member(self, number: int, sums: Mapping[int, float], synthetic: Mapping[str, int] | None = None) -> TaskModel:
        """Train the member of a round on a sample that is drawn by weights; `sums` as from `weighed`."""
        sizes = list(zip(self.bag.values(), self.counts.values(), strict=True))
        return self._fit(number, dict(sums), race_limit, sizes, synthetic)

    def drawn(self, number: int, strata: Strata, take: Sequence[int], sizes: Sequence[int]) -> TaskModel:
        """Train the member of a round on rows that are drawn from each stratum."""
        return self._fit(number, tuple(strata), rank_limit, list(zip(take, sizes, strict=True)))

    def _fit(
        self,
        number: int,
        by: dict[int, float] | tuple[Any, ...],
        limit: Any,
        sizes: Sequence[tuple[int, int]],
        synthetic: Mapping[str, int] | None = None,
    ) -> TaskModel:
        """Train a member on the rows with the smallest positions.

        One task takes them. It gets the rows below a limit that nearly always leaves enough, so that the table is read
        once.
        """
        take, reach = [n for n, _ in sizes], 1.0
        while True:
            placed = self.candidates(number, by, [limit(n, of, reach) for n, of in sizes])
            seed = round_seed(self.seed, number)
            [member] = fit_tasks(placed, self.learner, tasks=1, seed=seed, synthetic=synthetic, take=take)
            if member.model:
                return member
            reach *= 2

    def candidates(self, number: int, by: dict[int, float] | tuple[Any, ...], limits: list[int]) -> DataFrame:
        """Return the rows among which a round's sample is; parameters as for `_blocks.candidates`."""
        columns = ("unit", "features", "weight", *_STATE)
        return self._through("candidates", columns, _SAMPLE, number=number, by=by, limits=limits)

    def scored(self, member: TaskModel) -> Rounds:
        """Return the rounds with the member's probability of the second class, which the next action computes."""
        rows = self._through("scored", tuple(self.rows.columns), _blocks.ROWS, member=member.model)
        return replace(self, rows=self.latest.keep(rows), change=None)

    def wrong(self, algorithm: str) -> float:
        """Return the sum of the weights, each times how wrong the member is for its row."""
        return sum(of.sum for of in self.totals("wrong", algorithm).values())

    def reweighted(self, algorithm: str, rate: float) -> Rounds:
        """Return the rounds after the update of the weights."""
        return replace(self, change=Change(algorithm, rate), bound=self.top + rate)

    def zeroed(self) -> Rounds:
        """Return the rounds with margins of 0: sums of the members' probabilities."""
        return replace(self, change=Change("zero"))

    def added(self) -> Rounds:
        """Return the rounds with the scores added to the margins."""
        return replace(self, change=Change("score"))

    def bins(self, number: int, label: int, bins: int) -> tuple[Strata, list[int], list[float]]:
        """Return the strata of the rows, and the rows and the mean hardness of each bin."""
        of = Strata(number, label, bins)
        found = self.totals("hardness", *of)
        if number:
            of = of._replace(low=found[0].least, high=found[0].largest)
            found = self.totals("hardness", *of)
        counts = [found[b].n if b in found else 0 for b in range(bins)]
        means = [found[b].sum / (found[b].n * SCALE) if b in found else 0.0 for b in range(bins)]
        return of, counts, means

    def _through(self, function: str, columns: Sequence[str], schema: str, **settings: Any) -> DataFrame:
        """Apply a function of `_blocks` to some columns, with the rows' state and the change that is due."""
        state = {
            "counts": self.counts,
            "bag": self.bag,
            "learner": self.learner.to_json(),
            "seed": self.seed,
            "bound": self.bound,
        }
        change = None if self.change is None else tuple(self.change)
        worker = in_worker("steelyard.ensemble._blocks", function, state=state, change=change, **settings)
        return self.rows.select(*columns).mapInArrow(worker, schema)


def _total(rows: Sequence[Any]) -> Total:
    """Return the total of those of parts of a table."""
    return Total(
        sum(row["n"] for row in rows),
        from_halves(sum(row["high"] for row in rows), sum(row["low"] for row in rows)),
        min(row["least"] for row in rows),
        max(row["largest"] for row in rows),
    )

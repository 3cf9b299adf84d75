"""Rounds of a sequential ensemble: exact sums over all rows, weighted draws, and the score of each new member."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import internal, of_key
from steelyard.ensemble._array_rounds import DRAW_BITS, LOOSE
from steelyard.ensemble._bags import UNIT
from steelyard.ensemble._round_columns import ample, by_label, constant, race_limit
from steelyard.frames.caching import checkpointed
from steelyard.frames.workers import in_worker
from steelyard.hashing import HASH_BITS
from steelyard.kernels.exact_sums import HALF, TERM_BITS, from_halves
from steelyard.kernels.random import words
from steelyard.learning.local import LocalLearner, TaskModel
from steelyard.learning.tasks import PLACE, POSITION, STRATUM, TASK, fit_tasks

MARGIN, SCORE = internal("margin"), internal("score")
_ROWS = f"{UNIT} bigint, features binary, label double, weight double, {MARGIN} double"


@dataclass(frozen=True)
class Rounds:
    """All rows with what rounds know of them.

    Parameters
    ----------
    rows : DataFrame
        `UNIT`, `features` (packed), `label`, `weight`, and `MARGIN`: in boosting the logarithm of the row's weight,
        which starts with that of `weight`.
    counts : dict of str to int
        Rows of each class.
    bag : dict of str to int
        Rows of each class that a round draws.
    learner : LocalLearner
    seed : int
    bound : float
        Of the margins, in boosting: weights are numbers up to 1 in units of its exponential.
    top : float
        The largest margin, at most `bound`.
    """

    rows: DataFrame
    counts: dict[str, int]
    bag: dict[str, int]
    learner: LocalLearner
    seed: int
    bound: float = 0.0
    top: float = 0.0

    @classmethod
    def start(
        cls,
        units: DataFrame,
        counts: Mapping[str, int],
        kept: Mapping[str, int],
        bag: Mapping[str, int],
        learner: LocalLearner,
        seed: int,
    ) -> Rounds:
        """Return rows with their first margins; where some of them were `kept`, those are weighted back."""
        back = of_key({i: counts[c] / n for i, (c, n) in enumerate(kept.items())}, F.col("label").cast("int"))
        margin = F.log(F.col("weight") * back)
        chosen = units.select(UNIT, "features", "label", "weight", margin.alias(MARGIN))
        rows = checkpointed(chosen.mapInArrow(in_worker("steelyard.ensemble._worker", "pack"), _ROWS))
        top = float(rows.agg(F.max(MARGIN)).collect()[0][0])
        sizes = {c: min(bag[c], n) for c, n in kept.items()}
        return cls(rows, dict(kept), sizes, learner, seed, top, top)

    @property
    def weight(self) -> Column:
        """The weight of a row in boosting, in (0, 1]."""
        return F.exp(F.col(MARGIN) - constant(self.bound))

    def sums(
        self, terms: Mapping[str, Column], by: Column | None = None, largest: str = MARGIN
    ) -> dict[Any, dict[str, float]]:
        """Return exact sums of terms in [0, 1] by group, and the largest value of a column as ``largest``.

        Parameters
        ----------
        terms : mapping of str to Column
            Doubles.
        by : Column, optional
            The group; the label by default.
        largest : str
        """
        whole = {n: F.rint(t * F.lit(2.0**TERM_BITS)).cast("bigint") for n, t in terms.items()}
        low = F.lit((1 << HALF) - 1)
        halves = [
            half
            for n, t in whole.items()
            for half in (F.sum(F.shiftright(t, HALF)).alias(f"{n} high"), F.sum(t.bitwiseAND(low)).alias(f"{n} low"))
        ]
        group = F.col("label").cast("int") if by is None else by
        found = self.rows.groupBy(group.alias("g")).agg(F.max(largest).alias("largest"), *halves).collect()

        def total(row: Any, name: str) -> float:
            return from_halves(row[f"{name} high"], row[f"{name} low"])

        return {row["g"]: {"largest": row["largest"], **{n: total(row, n) for n in terms}} for row in found}

    def weighed(self) -> tuple[Rounds, dict[int, float]]:
        """Return the rounds with their `top`, and the sum of the weights of each label."""
        found = self.sums({"w": self.weight})
        top = max(of["largest"] for of in found.values())
        if top < self.bound - LOOSE:
            return replace(self, bound=top).weighed()
        return replace(self, top=top), {label: of["w"] for label, of in found.items()}

    def member(self, number: int, sums: Mapping[int, float], synthetic: Mapping[str, int] | None = None) -> TaskModel:
        """Train the member of a round on a sample that is drawn by weights; `sums` as from `weighed`."""
        return self.fit(partial(self.candidates, number, sums), number, list(self.bag.values()), synthetic)

    def fit(
        self,
        candidates: Callable[[float], DataFrame],
        number: int,
        take: Sequence[int],
        synthetic: Mapping[str, int] | None = None,
    ) -> TaskModel:
        """Train the member of a round on a sample of `rows`, with the sample's weights.

        One task takes the rows with the smallest positions. It gets those below a limit that nearly always leaves
        enough, so that the table is read once.

        Parameters
        ----------
        candidates : callable
            Returns rows with `STRATUM` and `POSITION`; takes a factor on the limit of their positions.
        number : int
            Of the round.
        take, synthetic
            As in `fit_tasks`.
        """
        seed, reach = int(words([number], self.seed, "round")[0] >> np.uint64(33)), 1.0
        while True:
            placed = candidates(reach).withColumns({TASK: F.lit(0), PLACE: F.col(UNIT)})
            [member] = fit_tasks(placed, self.learner, tasks=1, seed=seed, synthetic=synthetic, take=list(take))
            if member.model:
                return member
            reach *= 2

    def scored(self, member: TaskModel) -> Rounds:
        """Return the rounds with `SCORE`: the member's probability of the second class. It is computed once."""
        worker = in_worker(
            "steelyard.ensemble._worker",
            "score",
            estimator=self.learner.estimator,
            params=json.dumps(self.learner.to_json()["params"]),
            member=member.model,
        )
        return replace(self, rows=checkpointed(self.rows.mapInArrow(worker, f"{_ROWS}, {SCORE} double")))

    def with_margin(self, margin: Column, rise: float = 0.0) -> Rounds:
        """Return the rounds with new margins, at most `rise` above the former, and without scores."""
        return replace(self, rows=self.rows.withColumn(MARGIN, margin).drop(SCORE), bound=self.top + rise)

    def wrong(self, algorithm: str) -> float:
        """Return the sum of the weights, each times how wrong the member is for its row."""
        return sum(of["e"] for of in self.sums({"e": self.weight * _wrong(algorithm)}).values())

    def reweighted(self, algorithm: str, rate: float) -> Rounds:
        """Return the rounds after the update of the weights."""
        return self.with_margin(F.col(MARGIN) + constant(float(rate)) * _wrong(algorithm), rate)

    def zeroed(self) -> Rounds:
        """Return the rounds with margins of 0: sums of the members' probabilities."""
        return self.with_margin(F.lit(0.0))

    def added(self) -> Rounds:
        """Return the rounds with the scores added to the margins."""
        return self.with_margin(F.col(MARGIN) + F.col(SCORE))

    def hardness(self, number: int, label: int, bins: int) -> tuple[Any, list[int], list[float]]:
        """Return the stratum of each row, and the rows and the mean hardness of each bin.

        The stratum of rows of the label is their bin: of equal width, between the least and the greatest hardness. That
        of the other rows is `bins`.
        """
        ours = F.col("label").cast("int") == label
        hard = F.abs(F.col(MARGIN) / constant(float(max(number, 1))) - F.lit(float(label)))
        bin_of = F.lit(0) if number == 0 else self._bins(hard, ours, bins)
        of = self.sums({"n": F.lit(2.0**-30), "h": hard * F.lit(2.0**-30)}, F.when(ours, bin_of))
        counts = [round(of[b]["n"] * 2**30) if b in of else 0 for b in range(bins)]
        means = [of[b]["h"] / of[b]["n"] if b in of else 0.0 for b in range(bins)]
        return F.when(ours, bin_of).otherwise(F.lit(bins)), counts, means

    def _bins(self, hard: Column, ours: Column, bins: int) -> Column:
        [row] = self.rows.where(ours).agg(F.min(hard), F.max(hard)).collect()
        low, high = float(row[0]), float(row[1])
        if high <= low:
            return F.lit(0)
        place = F.floor((hard - constant(low)) / constant(high - low) * F.lit(float(bins)))
        return F.least(place, F.lit(bins - 1)).cast("int")

    def drawn(self, number: int, stratum: Any, take: Sequence[int], sizes: Sequence[int]) -> TaskModel:
        """Train the member of a round on rows that are drawn from each stratum."""
        placed = self.rows.withColumns({STRATUM: stratum, POSITION: self.place(number)})

        def near(reach: float) -> DataFrame:
            shares = [ample(n, of, reach) for n, of in zip(take, sizes, strict=True)]
            limits = {s: min(int(share * 2.0**HASH_BITS), 2**HASH_BITS - 1) for s, share in enumerate(shares)}
            return placed.where(F.col(POSITION) <= of_key(limits, F.col(STRATUM), "bigint"))

        return self.fit(near, number, take)

    def candidates(self, number: int, sums: Mapping[int, float], reach: float) -> DataFrame:
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
        reach : float
            As in `fit`.

        References
        ----------
        .. [1] Efraimidis, Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97,
           2006.
        """
        mean = [sums[i] / n for i, n in enumerate(self.counts.values())]
        scale = sum(self.bag.values()) / sum(mean[i] * n for i, n in enumerate(self.bag.values()))
        code = F.col("label").cast("int")
        whole = code.isin([i for i, c in enumerate(self.counts) if self.bag[c] == self.counts[c]])
        place = F.when(whole, 0).otherwise(self._race(number, self.weight / by_label(mean))).cast("bigint")
        limits = [race_limit(self.bag[c], n, reach) for c, n in self.counts.items()]
        near = F.col(POSITION) <= by_label(limits, "bigint")
        weight = F.when(whole, self.weight).otherwise(by_label(mean)) * constant(scale)
        return self.rows.withColumns({STRATUM: code, POSITION: place}).where(near).withColumn("weight", weight)

    def _race(self, number: int, weight: Column) -> Column:
        """Return -ln(u) / weight as a position: through 1 - exp(-x), which is uniform for equal weights of 1."""
        exponential = -F.log(self.uniform(number)) / F.greatest(weight, F.lit(1e-300))
        place = -F.expm1(-exponential) * F.lit(2.0**DRAW_BITS)
        return F.least(place, F.lit(2.0**DRAW_BITS - 2.0**10)).cast("bigint")

    def uniform(self, number: int) -> Column:
        """Return a number in (0, 1) for each row, by its hash."""
        return (self.place(number).cast("double") + F.lit(0.5)) * F.lit(2.0**-HASH_BITS)

    def place(self, number: int) -> Column:
        """Return a 63-bit hash of each row for a round."""
        return F.shiftrightunsigned(F.xxhash64(UNIT, F.lit(self.seed), F.lit("draw"), constant(number)), 1)


def _wrong(algorithm: str) -> Column:
    """Return how wrong the member is for a row: its probability of the other class, or whether it decides so."""
    score = F.col(SCORE)
    if algorithm == "samme":
        score = (score > 0.5).cast("double")
    return F.when(F.col("label") == 1, F.lit(1.0) - score).otherwise(score)

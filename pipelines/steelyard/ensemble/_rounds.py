"""Rounds of a sequential ensemble: exact sums over all rows, weighted draws, and the score of each new member."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from steelyard.columns import internal, of_key
from steelyard.ensemble._bags import UNIT, disjoint_bags
from steelyard.ensemble._quotas import Quotas
from steelyard.frames.caching import checkpointed
from steelyard.frames.workers import in_worker
from steelyard.hashing import HASH_BITS, cuts, select
from steelyard.kernels.random import words
from steelyard.learning.local import LocalLearner
from steelyard.learning.tasks import PLACE, TASK, TaskModel, fit_tasks

MARGIN, SCORE = internal("margin"), internal("score")
ROW_BITS = 60
"""A term of a sum is rounded to 2**-60 of the largest: sums of whole numbers do not depend on their order."""
_DRAW_BITS = 62


@dataclass(frozen=True)
class Rounds:
    """All rows with what rounds know of them.

    Parameters
    ----------
    rows : DataFrame
        `UNIT`, `features`, `label`, `weight`, and `MARGIN`: in boosting the logarithm of the row's weight, which starts
        with that of `weight`.
    counts : dict of str to int
        Rows of each class.
    bag : dict of str to int
        Rows of each class that a round draws.
    learner : LocalLearner
    seed : int
    width : int
        Number of features.
    """

    rows: DataFrame
    counts: dict[str, int]
    bag: dict[str, int]
    learner: LocalLearner
    seed: int
    width: int

    @classmethod
    def start(
        cls,
        units: DataFrame,
        counts: Mapping[str, int],
        bag: Mapping[str, int],
        pool: int | None,
        learner: LocalLearner,
        seed: int,
        width: int,
    ) -> Rounds:
        """Return rows with their first margins: those of the pool if there is one, weighted back."""
        kept = dict(counts)
        if pool is not None:
            kept = {c: min(n, max(pool * min(counts.values()), bag[c])) for c, n in counts.items()}
            units = disjoint_bags(units, Quotas(dict(counts), kept, 1), seed).drop(TASK, PLACE)
        back = of_key({i: counts[c] / n for i, (c, n) in enumerate(kept.items())}, F.col("label").cast("int"))
        margin = F.log(F.col("weight") * back)
        rows = checkpointed(units.select(UNIT, "features", "label", "weight", margin.alias(MARGIN)))
        sizes = {c: min(bag[c], n) for c, n in kept.items()}
        return cls(rows, kept, sizes, learner, seed, width)

    def sums(self, terms: Mapping[str, Column], by: Column | None = None) -> dict[Any, dict[str, float]]:
        """Return exact sums of terms in [0, 1], by group.

        Parameters
        ----------
        terms : mapping of str to Column
            Doubles.
        by : Column, optional
            The group; the label by default.
        """
        whole = {n: F.rint(t * F.lit(2.0**ROW_BITS)).cast("bigint").cast("decimal(19,0)") for n, t in terms.items()}
        group = F.col("label").cast("int") if by is None else by
        found = self.rows.groupBy(group.alias("g")).agg(*[F.sum(t).alias(n) for n, t in whole.items()]).collect()
        return {row["g"]: {n: float(int(row[n] or 0) / 2**ROW_BITS) for n in terms} for row in found}

    def largest(self, column: str = MARGIN) -> float:
        """Return the largest value of a column."""
        return float(self.rows.agg(F.max(column)).collect()[0][0])

    def fit(self, sample: DataFrame, number: int, synthetic: Mapping[str, int] | None = None) -> TaskModel:
        """Train the member of a round on a sample of `rows`, with the sample's weights."""
        seed = int(words([number], self.seed, "round")[0] >> np.uint64(33))
        placed = sample.withColumns({TASK: F.lit(0), PLACE: F.col(UNIT)})
        [member] = fit_tasks(placed, self.learner, tasks=1, seed=seed, synthetic=synthetic)
        return member

    def scored(self, member: TaskModel) -> Rounds:
        """Return the rounds with `SCORE`: the member's probability of the second class. It is computed once."""
        predict = in_worker(
            "steelyard.ensemble._worker",
            "predict",
            estimator=self.learner.estimator,
            params=json.dumps(self.learner.to_json()["params"]),
            members=(member.model,),
            votes=(1.0,),
            aggregation="mean",
            two=True,
        )
        columns = F.struct(*[F.get("features", i).alias(str(i)) for i in range(self.width)])
        return replace(self, rows=checkpointed(self.rows.withColumn(SCORE, _udf(predict)(columns))))

    def with_margin(self, margin: Column) -> Rounds:
        """Return the rounds with new margins, and without scores."""
        return replace(self, rows=self.rows.withColumn(MARGIN, margin).drop(SCORE))

    def drawn(self, number: int, sums: Mapping[int, float], top: float) -> DataFrame:
        """Return a round's sample: rows of each class, drawn without replacement in proportion to their weights.

        Rows that have the smallest exponential variables -ln(u) / w are drawn [1]_. All drawn rows of a class get the
        same weight, whose sum is to the class's as the rows drawn are to all. A class that is taken whole keeps its
        weights.

        Parameters
        ----------
        number : int
            Of the round.
        sums : mapping of int to float
            Of the weights of each label, in units of the largest.
        top : float
            The logarithm of the largest weight.

        References
        ----------
        .. [1] Efraimidis, Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97,
           2006.
        """
        weight = F.exp(F.col(MARGIN) - F.lit(top))
        names = list(self.counts)
        mean = {i: sums[i] / self.counts[c] for i, c in enumerate(names)}
        partial = {i: self.bag[c] for i, c in enumerate(names) if self.bag[c] < self.counts[c]}
        total = sum(mean[i] * self.bag[c] for i, c in enumerate(names))
        scale = sum(self.bag.values()) / total
        label = F.col("label").cast("int")
        parts = []
        if len(partial) < len(names):
            whole = self.rows.where(~label.isin(list(partial))) if partial else self.rows
            parts.append(whole.withColumn("weight", weight * F.lit(scale)))
        if partial:
            some = self.rows.where(label.isin(list(partial)))
            place = self._race(number, weight / of_key(mean, label))
            stratum = label.cast("string")
            wanted = {str(i): [n] for i, n in partial.items()}
            found = cuts(some, place, stratum, wanted, ties="exact", bits=_DRAW_BITS)
            chosen = select(some, place, stratum, {s: cut for s, [cut] in found.items()})
            parts.append(chosen.withColumn("weight", of_key(mean, label) * F.lit(scale)))
        return parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])

    def _race(self, number: int, weight: Column) -> Column:
        """Return -ln(u) / weight as a position: through 1 - exp(-x), which is uniform for equal weights of 1."""
        exponential = -F.log(self.uniform(number)) / F.greatest(weight, F.lit(1e-300))
        place = -F.expm1(-exponential) * F.lit(2.0**_DRAW_BITS)
        return F.least(place, F.lit(2.0**_DRAW_BITS - 2.0**10)).cast("bigint")

    def uniform(self, number: int) -> Column:
        """Return a number in (0, 1) for each row, by its hash."""
        return (self.place(number).cast("double") + F.lit(0.5)) * F.lit(2.0**-HASH_BITS)

    def place(self, number: int) -> Column:
        """Return a 63-bit hash of each row for a round."""
        return F.shiftrightunsigned(F.xxhash64(UNIT, F.lit(self.seed), F.lit("draw"), F.lit(number)), 1)


def _udf(predict: Any) -> Any:
    def call(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        yield from predict(batches)

    return pandas_udf("double")(call)  # type: ignore[call-overload]

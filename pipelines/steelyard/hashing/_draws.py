"""Draws with replacement: how often each row is drawn follows from its hash, and the number of draws is exact."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import internal
from steelyard.hashing._cuts import Cut, cuts
from steelyard.hashing._histograms import of_stratum
from steelyard.hashing._identity import HASH_BITS
from steelyard.hashing._sides import with_side

BAG, DRAW = internal("bag"), internal("draw")
SLACK = 6.0
"""Standard deviations by which more draws are made than wanted: a bag then has too few once in 100 million bags."""
_TIMES, _POSITION, _STRATUM, _OVER = (internal(n) for n in ("times", "position", "draw_stratum", "over"))


@dataclass(frozen=True)
class Draws:
    """Draws with replacement of some classes, for one or more bags.

    How often a row is drawn for all bags together is a Poisson number by its hash, and each draw goes to one bag by
    another hash. Rates are a little too high, and an exact cut keeps the wanted number of draws in each bag: given
    their number, Poisson draws are uniform draws with replacement.

    Parameters
    ----------
    counts : mapping of str to int
        Rows of each drawn class.
    wanted : mapping of str to int
        Draws of each class in a bag; the same classes in the same order.
    bags : int
    seed : int
    slack : float
    cuts : mapping of str to list of Cut
        One cut for each class and bag, in this order.
    """

    counts: Mapping[str, int]
    wanted: Mapping[str, int]
    bags: int
    seed: int
    slack: float = SLACK
    cuts: Mapping[str, Sequence[Cut]] = field(default_factory=dict)

    @classmethod
    def find(
        cls,
        rows: DataFrame,
        unit: str,
        code: Column,
        counts: Mapping[str, int],
        wanted: Mapping[str, int],
        *,
        bags: int = 1,
        seed: int,
    ) -> Draws:
        """Find the cuts; reads the rows twice.

        Parameters
        ----------
        rows : DataFrame
        unit : str
            A bigint column that identifies a row. Rows that share a unit are drawn together.
        code : Column of int
            Place of a row's class in `counts`; null for rows that are not drawn.
        counts, wanted, bags, seed
            As for the class.
        """
        quotas = {f"{c}/{b}": [n] for c, n in wanted.items() for b in range(bags)}
        slack = SLACK
        while True:
            made = cls(counts, wanted, bags, seed, slack)
            drawn = made._drawn(rows, unit, code)
            found = cuts(drawn, F.col(_POSITION), F.col(_STRATUM), quotas, ties="exact")
            if all(cut.count == quotas[s][0] for s, [cut] in found.items()):
                return replace(made, cuts=found)
            slack *= 2

    def rows(self, rows: DataFrame, unit: str, code: Column) -> DataFrame:
        """Return one row for each draw, with the number of its `BAG`, and `DRAW`, which counts the draws of a row."""
        sided = with_side(self._drawn(rows, unit, code), F.col(_POSITION), F.col(_STRATUM), self.cuts, _OVER)
        return sided.where(F.col(_OVER) == 0).drop(_POSITION, _STRATUM, _OVER)

    def bags_of(self, unit: str, code: Column) -> Column:
        """Return the bags that hold a row, as an array with one entry for each draw."""
        limits = [cut.below - 1 for [cut] in self.cuts.values()]

        def bag(draw: Column) -> Column:
            of = self._bag(unit, draw)
            return F.when(self._position(unit, draw) <= of_stratum(limits, self._stratum(code, of)), of)

        times = self._times(unit, code)
        draws = F.when(times > 0, F.sequence(F.lit(1), times))
        return F.coalesce(F.array_compact(F.transform(draws, bag)), F.array().cast("array<int>"))

    def _drawn(self, rows: DataFrame, unit: str, code: Column) -> DataFrame:
        """Return one row for each draw before the cuts: with its bag, stratum and position."""
        # Most rows of a large class are never drawn; one comparison leaves them out.
        some = rows.where(self._hash(unit, "times") >= of_stratum([of[0] for of in self._steps], code))
        counted = some.withColumn(_TIMES, self._times(unit, code))
        draws = counted.withColumn(DRAW, F.explode(F.sequence(F.lit(1), F.col(_TIMES)))).drop(_TIMES)
        placed = draws.withColumns({BAG: self._bag(unit, F.col(DRAW)), _POSITION: self._position(unit, F.col(DRAW))})
        return placed.withColumn(_STRATUM, self._stratum(code, F.col(BAG)))

    @property
    def _steps(self) -> list[list[int]]:
        """For each class, the positions from which on a row is drawn once, twice and so on."""
        extra = {c: n + self.slack * math.sqrt(n) + self.slack for c, n in self.wanted.items()}
        return [poisson_steps(self.bags * extra[c] / n) for c, n in self.counts.items()]

    def _times(self, unit: str, code: Column) -> Column:
        """Return how often a row is drawn, before the cuts."""
        steps = F.array(*(F.array(*(F.lit(s).cast("bigint") for s in of)) for of in self._steps))
        return F.size(F.filter(F.get(steps, code), lambda step: self._hash(unit, "times") >= step))

    def _bag(self, unit: str, draw: Column) -> Column:
        return F.pmod(self._hash(unit, "bag", draw), F.lit(self.bags)).cast("int")

    def _position(self, unit: str, draw: Column) -> Column:
        return self._hash(unit, "draw", draw)

    def _stratum(self, code: Column, bag: Column) -> Column:
        return (code * F.lit(self.bags) + bag).cast("int")

    def _hash(self, unit: str, purpose: str, *more: Column) -> Column:
        return F.shiftrightunsigned(F.xxhash64(F.col(unit), F.lit(self.seed), F.lit(purpose), *more), 1)


def poisson_steps(mean: float) -> list[int]:
    """Return the 63-bit positions at which the Poisson distribution of a mean has its steps.

    A uniform position's Poisson number is the number of steps up to it.

    Examples
    --------
    >>> [step / 2**63 for step in poisson_steps(1.0)[:2]] == [math.exp(-1), 2 * math.exp(-1)]
    True
    """
    steps, below = list[int](), 0.0
    for k in range(int(mean + 12 * math.sqrt(mean) + 30)):
        below += math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
        steps.append(int(below * 2**HASH_BITS))
    return [step for step in steps if step < 2**HASH_BITS]

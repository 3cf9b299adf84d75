"""Random columns that are a pure function of a row's number, a seed and a name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


class Draws:
    """Random columns, all derived from a bigint column: rows with the same number get the same draws."""

    def __init__(self, by: Column, seed: int) -> None:
        self._by = by.cast("bigint")
        self._seed = seed

    def uniform(self, name: str) -> Column:
        """Return a double in [0, 1); another `name` gives an unrelated number."""
        digest = hashlib.blake2b(f"{self._seed}\x00{name}".encode(), digest_size=8).digest()
        word = F.xxhash64(self._by, F.lit(int.from_bytes(digest, "little", signed=True)).cast("bigint"))
        return F.shiftrightunsigned(word, 11).cast("double") * F.lit(2.0**-53)

    def exponential(self, name: str) -> Column:
        """Return an exponentially distributed double of mean 1."""
        return -F.log1p(-self.uniform(name))

    def normal(self, name: str) -> Column:
        """Return a standard normal double (Box and Muller)."""
        radius = F.sqrt(2.0 * self.exponential(name))
        return radius * F.cos(2.0 * math.pi * self.uniform(f"{name}/angle"))

    def chance(self, name: str, probability: Column | float) -> Column:
        """Return a boolean that is true with the given probability."""
        return self.uniform(name) < probability

    def pick(self, name: str, weights: Mapping[str, int]) -> Column:
        """Return one of the names, each in proportion to its weight."""
        lots = F.array(*[F.lit(value) for value, weight in weights.items() for _ in range(weight)])
        return F.element_at(lots, whole(self.uniform(name) * float(sum(weights.values()))).cast("int") + 1)


def rounded(x: Column, digits: int) -> Column:
    """Return the double, rounded to some decimals (F.round goes through BigDecimal and is slow)."""
    return F.rint(x * 10.0**digits) / 10.0**digits


def whole(x: Column) -> Column:
    """Return the whole part of a double that is not below zero."""
    return x.cast("bigint")


def step(u: Column, values: Sequence[object], widths: Sequence[Column | float]) -> Column:
    """Return the value whose interval contains `u`; the intervals follow each other from 0."""
    edge: Column | float = 0.0
    chosen: Column | None = None
    for value, width in zip(values[:-1], widths[:-1], strict=True):
        edge = edge + width
        chosen = F.when(u < edge, F.lit(value)) if chosen is None else chosen.when(u < edge, F.lit(value))
    return F.lit(values[-1]) if chosen is None else chosen.otherwise(F.lit(values[-1]))

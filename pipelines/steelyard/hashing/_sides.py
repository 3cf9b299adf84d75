"""Apply cuts to a table: column expressions, and a window over the rows of divided groups alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from steelyard.columns import of_key
from steelyard.hashing._cuts import Cut
from steelyard.hashing._identity import EVERYTHING


def with_side(
    df: DataFrame, position: Column, stratum: Column, cuts: Mapping[str, Sequence[Cut]], column: str
) -> DataFrame:
    """Add, for each row, how many of its stratum's cuts it lies above (0: on the low side of all).

    A pure column expression, unless a cut divides rows that share its position: then those rows alone go through a
    window. Rows of a stratum without cuts get null.

    Parameters
    ----------
    df : DataFrame
    position, stratum : Column
        As given to `cuts`.
    cuts : mapping of str to sequence of Cut
        The same number for each stratum, in ascending order.
    column : str
        Name of the new int column.
    """
    p, s, n = f"{column}_p", f"{column}_s", f"{column}_n"
    tied = {k: sorted({c.below for c in v if c.take}) for k, v in cuts.items()}
    tied = {k: v for k, v in tied.items() if v}
    placed = df.withColumn(p, position).withColumn(s, stratum)
    if not tied:
        return placed.withColumn(column, _side(F.col(p), F.col(s), F.lit(0), cuts)).drop(p, s)
    on_boundary = F.coalesce(F.array_contains(of_key(tied, F.col(s), "array<bigint>"), F.col(p)), F.lit(False))
    equal = Window.partitionBy(s, p).orderBy(p)
    numbered = placed.where(on_boundary).withColumn(n, F.row_number().over(equal) - 1)
    together = placed.where(~on_boundary).withColumn(n, F.lit(0)).unionByName(numbered)
    return together.withColumn(column, _side(F.col(p), F.col(s), F.col(n), cuts)).drop(p, s, n)


def select(
    df: DataFrame, position: Column, stratum: Column, cuts: Mapping[str, Cut], *, column: str = "__side"
) -> DataFrame:
    """Return the rows on the low side of their stratum's cut; strata without one are dropped."""
    sided = with_side(df, position, stratum, {s: [c] for s, c in cuts.items()}, column)
    return sided.where(F.col(column) == 0).drop(column)


def _side(p: Column, s: Column, n: Column, cuts: Mapping[str, Sequence[Cut]]) -> Column:
    how_many = max((len(v) for v in cuts.values()), default=0)
    sides = [_above(p, s, n, {k: v[i] for k, v in cuts.items()}).cast("int") for i in range(how_many)]
    return reduce(lambda a, b: a + b, sides, F.lit(0)) if sides else F.lit(None).cast("int")


def _above(p: Column, s: Column, n: Column, cuts: Mapping[str, Cut]) -> Column:
    # 2**63 is no bigint; "p >= 2**63 - 1" would lose the one row at the very end, so "all" is a flag of its own.
    everything = [k for k, c in cuts.items() if c.below >= EVERYTHING]
    below = _lookup(s, {k: min(c.below, EVERYTHING - 1) for k, c in cuts.items()})
    above = (p > below) | ((p == below) & (n >= _lookup(s, {k: c.take for k, c in cuts.items()})))
    return F.when(s.isin(everything), F.when(below.isNotNull(), F.lit(False))).otherwise(above) if everything else above


def _lookup(s: Column, values: Mapping[str, int]) -> Column:
    """Return the value of a row's stratum, null for strata that have none."""
    return of_key(values, s, "bigint")

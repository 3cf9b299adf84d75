"""Apply cuts to a table: column expressions, and a window only over the rows of divided groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from steelyard.columns import col, combined, internal
from steelyard.hashing._cuts import Cut
from steelyard.hashing._histograms import coded, of_stratum
from steelyard.hashing._identity import EVERYTHING, hashable, row_hash

_P, _S, _TAKES = internal("cut_position"), internal("cut_stratum"), internal("cut_takes")


def with_side(
    df: DataFrame, position: Column, stratum: Column, cuts: Mapping[str, Sequence[Cut]], column: str
) -> DataFrame:
    """Add, for each row, how many of its stratum's cuts it is above (0: on the low side of all).

    A pure column expression, unless cuts divide rows that share a position: then those rows alone are numbered by a
    window, in the order of the hash of the whole row. Rows of a stratum without cuts get null.

    Parameters
    ----------
    df : DataFrame
    position, stratum : Column
        As given to `cuts`.
    cuts : mapping of str to sequence of Cut
        The same number for each stratum, in ascending order. An int `stratum` is a place among their names.
    column : str
        Name of the new int column.
    """
    placed = coded(df.withColumns({_P: position, _S: stratum}), _S, cuts)
    by_position = _side(F.col(_P), F.col(_S), list(cuts.values())).alias(column)
    names = [col(c) for c in df.columns if c != column]
    divided = divided_groups(cuts)
    if not divided:
        return placed.select(*names, by_position)
    schema, code = f"{_S} int, {_P} bigint, {_TAKES} array<bigint>", {name: i for i, name in enumerate(cuts)}
    table = df.sparkSession.createDataFrame([(code[s], p, takes) for (s, p), takes in divided.items()], schema)
    known = placed.join(F.broadcast(table), [_S, _P], "left")
    within = Window.partitionBy(_S, _P).orderBy(row_hash(df, hashable(df), 0, "row"))
    numbered = known.where(F.col(_TAKES).isNotNull()).withColumn(_P, F.row_number().over(within))
    by_number = F.size(F.filter(_TAKES, lambda take: take < F.col(_P))).alias(column)
    return (
        known.where(F.col(_TAKES).isNull()).select(*names, by_position).unionByName(numbered.select(*names, by_number))
    )


def select(df: DataFrame, position: Column, stratum: Column, cuts: Mapping[str, Cut]) -> DataFrame:
    """Return the rows on the low side of their stratum's cut; strata without one are dropped."""
    column = internal("side")
    sided = with_side(df, position, stratum, {s: [c] for s, c in cuts.items()}, column)
    return sided.where(F.col(column) == 0).drop(column)


def divided_groups(cuts: Mapping[str, Sequence[Cut]]) -> dict[tuple[str, int], list[int]]:
    """Return the groups of equal rows that cuts divide: how many of their rows are below each cut.

    Returns
    -------
    dict of (str, int) to list of int
        By stratum and position, in ascending order.
    """
    found = {}
    for s, of in cuts.items():
        for p, size in sorted({p: size for cut in of for p, (_, size) in cut.equal.items()}.items()):
            found[s, p] = [cut.equal[p][0] if p in cut.equal else size * (p < cut.below) for cut in of]
    return found


def is_below(position: Column, place: Column, cuts: Sequence[Cut]) -> Column:
    """Return whether a row is on the low side of its stratum's cut, where cuts divide no equal rows; else null.

    Parameters
    ----------
    position : Column
        As given to `cuts`.
    place : Column of int
        That of the row's stratum among the cuts.
    cuts : sequence of Cut
    """
    return ~_above(position, place, cuts)


def _side(p: Column, s: Column, cuts: Sequence[Sequence[Cut]]) -> Column:
    how_many = max(map(len, cuts), default=0)
    sides = [_above(p, s, [of[i] for of in cuts]).cast("int") for i in range(how_many)]
    return combined(add, sides) if sides else F.lit(None).cast("int")


def _above(p: Column, s: Column, cuts: Sequence[Cut]) -> Column:
    # The last position on the low side: 2**63 itself is not a bigint.
    return p > of_stratum([min(c.below, EVERYTHING) - 1 for c in cuts], s)

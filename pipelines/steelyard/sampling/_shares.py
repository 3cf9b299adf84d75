"""Dividing each class at an exact count, without a shuffle of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, of_key
from steelyard.hashing import HASH_BITS, cuts, row_hash
from steelyard.kernels.allocate import largest_remainder

_LEAST = 1000  # rows that are equal weigh more than one in so many of their class: they are divided among themselves
_BITS = 13  # leading bits of the hash: four and more bins for each of the contents that can weigh so much


@dataclass(frozen=True)
class Share:
    """The rows of a class that are drawn: those at the beginning of the hash order.

    Parameters
    ----------
    count : int
        How many there are.
    below : int
        They have positions less than this, in [0, 2**63].
    equal : mapping of int to (int, int), optional
        Positions that many rows share, on either side of `below`: how many of how many rows there are drawn.
    """

    count: int
    below: int
    equal: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; positions are decimal strings, since JSON's numbers end at 2**53."""
        equal = {str(p): {"take": take, "of": of} for p, (take, of) in sorted(self.equal.items())}
        return {"below": str(self.below), "count": self.count, "equal": equal}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Share:
        """Rebuild what `to_json` gave."""
        equal = {int(p): (e["take"], e["of"]) for p, e in document["equal"].items()}
        return cls(document["count"], int(document["below"]), equal)


def find_shares(
    df: DataFrame,
    position: Column,
    stratum: Column,
    wanted: Mapping[str, int],
    sizes: Mapping[str, int],
    *,
    repeats: bool,
) -> dict[str, Share]:
    """Find the share of each class that has exactly the wanted count.

    Costs two narrow scans, three with `repeats`, four where something repeats.

    Parameters
    ----------
    df : DataFrame
    position : Column of bigint
        A `row_hash`.
    stratum : Column of string
        Classes.
    wanted, sizes : mapping of str to int
        Rows to draw from each class, and rows that it has.
    repeats : bool
        Equal rows share a position, so that a content with many rows would be drawn as a whole or not at all. Such
        contents (more than a thousandth of their class) are found, and each is divided in proportion.
    """
    rows = df.select(stratum.alias("s"), position.alias("p"))
    partial = {s: n for s, n in wanted.items() if 0 < n < sizes[s]}
    shares = {s: Share(n, 0 if n == 0 else 1 << HASH_BITS) for s, n in wanted.items() if s not in partial}
    if not partial:
        return shares
    heavy = _heavy(rows, {s: sizes[s] for s in partial}) if repeats else {}
    divided = {s: _divide(n, sizes[s], heavy.get(s, {})) for s, n in partial.items()}
    if heavy:
        divided_rows = _table(rows, divided).toDF("s", "p", "take")
        rows = rows.join(F.broadcast(divided_rows), ["s", "p"], "left_anti")
    quotas = {s: [n - sum(take for take, _ in divided[s].values())] for s, n in partial.items()}
    for s, (cut,) in cuts(rows, F.col("p"), F.col("s"), quotas, whole=False).items():
        equal = divided[s] | ({cut.below: (cut.take, cut.ties)} if cut.take else {})
        shares[s] = Share(partial[s], cut.below, equal)
    return shares


def _divide(wanted: int, size: int, heavy: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    rest = size - sum(heavy.values())
    _, *takes = largest_remainder([rest, *heavy.values()], wanted)
    return {p: (take, of) for (p, of), take in zip(heavy.items(), takes, strict=True)}


def _heavy(rows: DataFrame, sizes: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """Return the positions that more than a thousandth of a class (and more than one row) share, with their rows."""
    width = HASH_BITS - max(_BITS - (len(sizes) - 1).bit_length(), 4)
    inside = rows.where(F.col("s").isin(list(sizes)))
    bins = inside.groupBy("s", F.shiftrightunsigned("p", width).alias("bin")).count()
    full = [(r["s"], r["bin"]) for r in bins.collect() if r["count"] * _LEAST > sizes[r["s"]] and r["count"] > 1]
    if not full:
        return {}
    named = rows.sparkSession.createDataFrame(full, "s string, bin bigint")
    counted = (
        inside.withColumn("bin", F.shiftrightunsigned("p", width))
        .join(F.broadcast(named), ["s", "bin"], "left_semi")
        .groupBy("s", "p")
        .count()
        .where(F.col("count") > 1)
    )
    found: dict[str, dict[int, int]] = {}
    for r in sorted(counted.collect(), key=lambda r: (r["s"], r["p"])):
        if r["count"] * _LEAST > sizes[r["s"]]:
            found.setdefault(r["s"], {})[r["p"]] = r["count"]
    return found


def _table(df: DataFrame, equal: Mapping[str, Mapping[int, tuple[int, int]]]) -> DataFrame:
    entries = [(s, p, take) for s, of in equal.items() for p, (take, _) in of.items()]
    return df.sparkSession.createDataFrame(entries, "__s string, __p bigint, __take bigint")


def with_drawn(df: DataFrame, position: Column, stratum: Column, shares: Mapping[str, Share], column: str) -> DataFrame:
    """Add whether a row belongs to its class's share; null for classes without one.

    A pure column expression, unless rows that share a position are divided: then those rows alone are numbered, in
    the order of the hash of the whole row, by a window.
    """
    placed = df.select("*", position.alias("__p"), stratum.alias("__s"))
    # The last position drawn: 2**63 itself would be no bigint.
    last = {s: share.below - 1 for s, share in shares.items()}
    by_position = F.col("__p") <= of_key(last, F.col("__s"), "bigint") if last else F.lit(None).cast("boolean")
    equal = {s: share.equal for s, share in shares.items() if share.equal}
    if not equal:
        return placed.withColumn(column, by_position).drop("__p", "__s")
    names = [col(c) for c in df.columns]
    known = placed.join(F.broadcast(_table(df, equal)), ["__s", "__p"], "left")
    alone = known.where(F.col("__take").isNull()).select(*names, by_position.alias(column))
    within = Window.partitionBy("__s", "__p").orderBy(row_hash(df, _hashable(df), 0, "row"))
    numbered = known.where(F.col("__take").isNotNull()).select("*", F.row_number().over(within).alias("__n"))
    return alone.unionByName(numbered.select(*names, (F.col("__n") <= F.col("__take")).alias(column)))


def _hashable(df: DataFrame) -> list[str]:
    return [f.name for f in df.schema.fields if not isinstance(f.dataType, T.MapType | T.VariantType)]

"""Histograms of positions by stratum: each is one aggregation whose keys are whole numbers.

Spark's hash aggregation finds a number several times faster than a text, and numbers that follow one another fastest.
So a stratum is a number here, its place among the names, and one number holds a row's stratum and its bin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import of_key

FEW = 32
_BEYOND = 0.25  # of the rows up to the last window of all strata, the share beyond their own that is counted too
GAP = -1
"""Number of the bins between windows, which are counted together."""

Bins = Sequence[tuple[int, int]]
"""Bins, ascending, each with its number of rows."""
Windows = Mapping[int, Sequence[tuple[int, int]]]
"""First and last bin of some intervals, by stratum; ascending, and apart from each other."""
Ints = NDArray[np.int64]


def coded(rows: DataFrame, stratum: str, names: Iterable[str]) -> DataFrame:
    """Replace the name of each row's stratum by its place among `names`; null for others. It may be a place already."""
    if not isinstance(rows.schema[stratum].dataType, T.StringType):
        return rows
    places = {name: place for place, name in enumerate(names)}
    known = of_key(places, F.col(stratum), "int", plain=True) if places else F.lit(None).cast("int")
    return rows.withColumn(stratum, known)


def of_stratum(values: Sequence[int], place: Column) -> Column:
    """Return the value of each row's stratum, given its place: one look-up, however many strata there are.

    A branch for each stratum would soon be more code than Java compiles.
    """
    # One text for the parser: literals would be a call to the JVM each.
    return F.get(F.expr(f"array({', '.join(f'{v}L' for v in values)})"), place)


@dataclass
class Look:
    """What one aggregation has counted.

    Parameters
    ----------
    bins : mapping of int to sequence of (int, int)
        The rows of each bin, by stratum.
    fine : mapping of int to (array, array)
        Positions inside the windows with their rows, by stratum.
    """

    bins: dict[int, Bins]
    fine: dict[int, tuple[Ints, Ints]]

    def inside(self, stratum: int, prefix: int, width: int, shift: int) -> list[tuple[int, int]]:
        """Return what `closer_look` does of one prefix; empty where it is in no window."""
        positions, rows = self.fine[stratum]
        here = positions >> width == prefix
        return _by_bin(positions[here], rows[here], shift)


def _by_bin(positions: Ints, rows: Ints, shift: int) -> list[tuple[int, int]]:
    """Add up the rows of ascending positions by their bins."""
    bins, first = np.unique(positions >> shift, return_index=True)
    return list(zip(bins.tolist(), np.add.reduceat(rows, first).tolist(), strict=True)) if len(bins) else []


def first_look(
    rows: DataFrame,
    strata: int,
    shift: int,
    step: int,
    windows: Windows | None = None,
    sizes: Sequence[int] | None = None,
) -> Look:
    """Count the rows of each stratum by their bins, and in windows also by position.

    Parameters
    ----------
    rows : DataFrame
        ``s`` (place of the stratum, null for rows of none) and ``p`` (position).
    strata : int
    shift : int
        A position's bin is the position without so many trailing bits.
    step : int
        Bits of a bin's number.
    windows : mapping, optional
    sizes : sequence of int, optional
        Rows of each stratum. With them, rows between one window and the next are counted together, and those after the
        last windows of all strata not at all: what is left of the stratum must be there.
    """
    windows = windows or {}
    ends = _ends(windows, strata, shift)
    room = max(step, len(ends).bit_length())
    # Rows of no stratum count as one more stratum: a condition that leaves them out would find each stratum twice.
    before = -1 - F.shiftleft(F.coalesce("s", F.lit(strata)).cast("bigint"), room)
    if sizes is None:
        known, key = F.col("s").isNotNull(), _keys(before, ends, F.shiftrightunsigned("p", shift))
    else:
        known, key = _reached([last for _, last in ends[-1]], sizes), _keys(before, ends, None)
    # Rows outside windows have one `w`: with a second key that differs, fewer would be found at once.
    keyed = rows.where(known).select("s", key.alias("k"))
    counted = keyed.groupBy(F.when(F.col("k") >= 0, F.col("s")).otherwise(-1).alias("w"), "k").count()
    w, k, n = (np.asarray(column.to_numpy(), dtype=np.int64) for column in counted.toArrow().columns)
    fine = _by_stratum(w, strata, k, n)
    packed = -1 - k[w < 0]
    coarse = _by_stratum(packed >> room, strata, packed & ((1 << room) - 1), n[w < 0])
    bins: dict[int, Bins] = {}
    for s in range(strata):
        of = windows.get(s, ())
        if sizes is None:
            bins[s] = _merged(coarse[s], fine[s], shift)
        else:
            gaps = [-1] * (len(ends) - len(of) + 1) + [2 * last + 1 for _, last in of]
            known_bins = _merged(coarse[s], fine[s], shift, gaps)
            bins[s] = [*known_bins, (GAP, max(sizes[s] - sum(n for _, n in known_bins), 0))]
    return Look(bins, dict(enumerate(fine)))


def _reached(last: Sequence[int], sizes: Sequence[int]) -> Column:
    """Return whether a row is at or before the last position of all strata, or of its own where these are far apart.

    Most rows are then left out before their stratum is found.
    """
    p, most = F.col("p"), max(last)
    beyond = sum(n * (1 - (end + 1) / (most + 1)) for n, end in zip(sizes, last, strict=True))
    return p <= most if beyond <= _BEYOND * sum(sizes) else p <= of_stratum(last, F.col("s"))


def _by_stratum(places: Ints, strata: int, keys: Ints, rows: Ints) -> list[tuple[Ints, Ints]]:
    """Return the keys of each stratum, ascending, with their rows."""
    order = np.lexsort((keys, places))
    edges = np.searchsorted(places[order], range(strata + 1)).tolist()
    return [(keys[order[a:b]], rows[order[a:b]]) for a, b in pairwise(edges)]


def _ends(windows: Windows, strata: int, shift: int) -> list[list[tuple[int, int]]]:
    """Return, for each window and stratum, the last position before it and its own last position.

    Where a stratum has fewer windows than others, the first are empty, before all positions.
    """
    most = max(map(len, windows.values()), default=0)
    of = [windows.get(s, ()) for s in range(strata)]
    ends = [[((first << shift) - 1, ((last + 1) << shift) - 1) for first, last in w] for w in of]
    return [list(each) for each in zip(*([(-1, -1)] * (most - len(w)) + w for w in ends), strict=True)]


def _keys(before: Column, ends: Sequence[Sequence[tuple[int, int]]], bin_of: Column | None) -> Column:
    """Return a row's position in a window, else `before` (by stratum) less its bin, or less the number of its gap."""
    p, key = F.col("p"), F.when(F.lit(False), F.col("p"))
    for i, of in enumerate(ends):
        ahead, within = (of_stratum(each, F.col("s")) for each in zip(*of, strict=True))
        key = key.when(p <= ahead, before - (F.lit(i) if bin_of is None else bin_of)).when(p <= within, p)
    return key.otherwise(before - (F.lit(len(ends)) if bin_of is None else bin_of))


def _merged(
    coarse: tuple[Ints, Ints], fine: tuple[Ints, Ints], shift: int, gaps: Sequence[int] | None = None
) -> list[tuple[int, int]]:
    """Return bins with their rows in order; with `gaps`, bins of the first are numbers of these.

    `gaps` are places of gaps among bins, which are at twice their number.
    """
    numbers, rows = coarse
    places = numbers * 2
    if gaps is not None:
        places, numbers = np.array(gaps, dtype=np.int64)[numbers], np.full_like(numbers, GAP)
    found = [(2 * bin_, bin_, n) for bin_, n in _by_bin(*fine, shift)]
    found += zip(places.tolist(), numbers.tolist(), rows.tolist(), strict=True)
    return [(number, n) for _, number, n in sorted(found)]


def closer_look(
    rows: DataFrame, wanted: Iterable[tuple[int, int]], width: int, shift: int
) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Count the rows that start with some prefixes by their bins.

    Parameters
    ----------
    rows : DataFrame
        As in `first_look`.
    wanted : iterable of (int, int)
        Stratum and prefix.
    width : int
        Bits below the prefixes.
    shift : int
        A position's bin is the position without so many trailing bits.

    Returns
    -------
    dict
        By stratum and prefix.
    """
    inside = _with_prefixes(rows.where(F.col("s").isNotNull()), sorted(wanted), width)
    found = inside.groupBy("s", F.shiftrightunsigned("p", shift).alias("bin")).count().collect()
    result: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in sorted(found, key=lambda r: r["bin"]):
        result.setdefault((row["s"], row["bin"] >> (width - shift)), []).append((row["bin"], row["count"]))
    return result


def _with_prefixes(rows: DataFrame, wanted: Sequence[tuple[int, int]], width: int) -> DataFrame:
    """Return the rows of some strata and prefixes: few of them are part of the condition, which spares a job."""
    prefix = F.shiftrightunsigned("p", width)
    if len(wanted) > FEW:
        small = rows.sparkSession.createDataFrame(wanted, "s int, prefix bigint")
        return rows.withColumn("prefix", prefix).join(F.broadcast(small), ["s", "prefix"], "left_semi")
    of: dict[int, list[int]] = {}
    for stratum, place in wanted:
        of.setdefault(stratum, []).append(place)
    # The first condition is cheap, and leaves out nearly all rows.
    near = prefix.isin(sorted({place for _, place in wanted}))
    return rows.where(near & F.array_contains(of_key(of, F.col("s"), "array<bigint>"), prefix))

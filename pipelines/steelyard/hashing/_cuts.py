"""Exact cuts: where a stratum is divided in the order of a hash, found by narrow aggregations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import of_key
from steelyard.hashing._groups import Groups, divide, heavy_bits, heavy_groups
from steelyard.hashing._identity import EVERYTHING, HASH_BITS

_FEW = 32
_FINE_BIN = 4096  # a bin with at most so many rows is read value by value
_MAX_BINS = 1 << 20  # what one aggregation may return to the driver

Ties = Literal["whole", "exact", "proportional"]
Counts = dict[tuple[str, int], list[tuple[int, int]]]


@dataclass(frozen=True)
class Cut:
    """Where a stratum is divided: rows whose position is less than `below` are on the low side.

    Parameters
    ----------
    below : int
        In [0, 2**63]; 2**63 means every row.
    count : int
        Rows on the low side.
    equal : mapping of int to (int, int), optional
        Positions whose rows are divided, whatever `below` is: how many of how many rows are on the low side.
    """

    below: int
    count: int
    equal: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; positions are decimal strings, since JSON's numbers end at 2**53."""
        equal = {str(p): {"take": take, "of": of} for p, (take, of) in sorted(self.equal.items())}
        return {"below": str(self.below), "count": self.count, "equal": equal}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Cut:
        """Rebuild the cut from `to_json`."""
        equal = {int(p): (e["take"], e["of"]) for p, e in document["equal"].items()}
        return cls(int(document["below"]), document["count"], equal)


@dataclass
class _Search:
    """A rank that is searched for among the positions that start with `prefix`."""

    stratum: str
    index: int
    rank: int
    divided: Groups
    prefix: int = 0
    before: int = 0
    inside: int = -1
    found: Cut | None = None

    def end(self, below: int, ties: tuple[int, int] | None = None) -> None:
        """End the search at a position; `ties` divides the rows at exactly this position."""
        equal = self.divided if ties is None else {**self.divided, below: ties}
        self.found = Cut(below, self.before + sum(take for take, _ in equal.values()), equal)


def cuts(
    df: DataFrame,
    position: Column,
    stratum: Column,
    quotas: Mapping[str, Sequence[int]],
    *,
    ties: Ties,
    bits: int = HASH_BITS,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, list[Cut]]:
    """Find where each stratum must be cut so that exact counts are on the low side.

    Parameters
    ----------
    df : DataFrame
        Read once with `sizes`, else usually twice: once into a histogram of leading bits, once around the boundaries,
        value by value. With `ties="proportional"` it is read once more where a bin of the histogram may hold a heavy
        group. Only the columns behind `position` and `stratum` are read, and no row comes to the driver.
    position : Column of bigint
        In [0, 2**bits): a `row_hash`, or a time.
    stratum : Column of string
    quotas : mapping of str to sequence of int
        For each stratum, the counts wanted on the low side of each of its cuts, ascending.
    ties : {"whole", "exact", "proportional"}
        What happens to rows at one position.

        - ``"whole"``: they stay together, on the side that brings the count nearer to the quota.
        - ``"exact"``: the count is exact; rows at the boundary position alone are divided.
        - ``"proportional"``: as ``"exact"``; in addition each heavy group (more than 10 rows and more than a thousandth
          of its stratum) is divided in proportion to the quotas.
    bits : int, default 63
        Significant bits of `position`.
    sizes : mapping of str to int, optional
        Rows of each stratum, for hashes: they say where the boundaries must lie, but for six standard deviations, so
        that these places are counted value by value at once. The cuts are the same without them.

    Returns
    -------
    dict of str to list of Cut
        A quota of at least the size of its stratum gives a cut above every row.
    """
    rows = df.select(stratum.alias("s"), position.alias("p"))
    step = _step(quotas)
    if ties == "proportional":
        step = max(step, heavy_bits(len(quotas)))
    step = min(bits, step)
    shift = bits - step
    counts, fine = _first_look(rows, shift, _expected(quotas, sizes or {}, bits, shift))
    total = {s: sum(n for _, n in counts.get((s, 0), ())) for s in quotas}
    heavy: dict[str, dict[int, int]] = {}
    if ties == "proportional":
        heavy = heavy_groups(rows, {s: counts.get((s, 0), ()) for s in quotas}, total, shift)
        counts, fine = _without(counts, heavy, shift, bits), _without(fine, heavy, 0, shift)
    searches = [
        _Search(s, i, rank, divided)
        for s, ranks in quotas.items()
        for i, (rank, divided) in enumerate(divide(ranks, total[s], heavy.get(s, {})))
    ]
    searching, width = searches, bits
    while True:
        width -= step
        for search in searching:
            _descend(search, counts, step, width, ties)
        searching = [x for x in searching if x.found is None]
        if not searching:
            break
        step = width if max(x.inside for x in searching) <= _FINE_BIN else min(width, 12)
        if step == shift == width and all((x.stratum, x.prefix) in fine for x in searching):
            counts = fine
        else:
            counts = _histogram(rows, searching, width, width - step, heavy)
    result: dict[str, list[Cut]] = {s: [] for s in quotas}
    for search in searches:
        assert search.found is not None
        result[search.stratum].append(search.found)
    return result


def _step(quotas: Mapping[str, Sequence[int]]) -> int:
    """Return how many leading bits leave about 500 rows a bin in the largest stratum, and few enough bins in all."""
    largest = max((q for ranks in quotas.values() for q in ranks), default=1)
    wanted = max(largest // 512, 1).bit_length()
    affordable = (_MAX_BINS // max(len(quotas), 1)).bit_length() - 1
    return max(min(wanted, affordable, 16), 4)


def _expected(
    quotas: Mapping[str, Sequence[int]], sizes: Mapping[str, int], bits: int, shift: int
) -> list[tuple[str, int, int]]:
    """Return stratum, first and last bin of the places where hashes of strata of known sizes are cut."""
    found, rows = [], 0.0
    for s, ranks in quotas.items():
        n = sizes.get(s, 0)
        for rank in ranks:
            if not 0 < rank < n:
                continue
            share = rank / n
            reach = 6 * math.sqrt(share * (1 - share) / n)
            ends = (max(share - reach, 0.0), min(share + reach, 1.0))
            first, last = (min(int(end * 2**bits), 2**bits - 1) >> shift for end in ends)
            found.append((s, first, last))
            rows += n * (last - first + 1) / 2 ** (bits - shift)
    return found if len(found) <= _FEW and rows <= _MAX_BINS / 4 else []


def _first_look(rows: DataFrame, shift: int, expected: Sequence[tuple[str, int, int]]) -> tuple[Counts, Counts]:
    """Count rows by their bits above `shift`, and in the expected bins also by position.

    A row's key is its position where it is in such a bin, else -1 - its bin: positions are not negative.
    """
    key = -1 - F.shiftrightunsigned("p", shift)
    for s, first, last in expected:
        # Numbers first: the comparison of texts is then left out for nearly all rows.
        inside = (F.col("p") >= first << shift) & (F.col("p") <= ((last + 1) << shift) - 1) & (F.col("s") == s)
        key = F.when(inside, F.col("p")).otherwise(key)
    coarse: dict[tuple[str, int], dict[int, int]] = {}
    fine: Counts = {}
    for row in sorted(rows.where(F.col("s").isNotNull()).groupBy("s", key.alias("k")).count().collect()):
        s, k, n = row
        bin_of = -1 - k if k < 0 else k >> shift
        of = coarse.setdefault((s, 0), {})
        of[bin_of] = of.get(bin_of, 0) + n
        if k >= 0:
            fine.setdefault((s, bin_of), []).append((k, n))
    return {key: sorted(of.items()) for key, of in coarse.items()}, fine


def _histogram(
    rows: DataFrame, searching: Sequence[_Search], width: int, shift: int, heavy: Mapping[str, Mapping[int, int]]
) -> Counts:
    """Count rows inside the prefixes of searches by their bits above `shift`, without the rows of heavy groups.

    Parameters
    ----------
    searching : sequence of _Search
    width : int
        Bits below the prefixes.

    Returns
    -------
    dict
        Sorted (bin, count) pairs of each stratum and prefix.
    """
    inside = rows.where(F.col("s").isNotNull())
    inside = _with_prefixes(inside, sorted({(x.stratum, x.prefix) for x in searching}), width)
    found = inside.groupBy("s", F.shiftrightunsigned("p", shift).alias("bin")).count().collect()
    result: Counts = {}
    for row in sorted(found, key=lambda r: r["bin"]):
        result.setdefault((row["s"], row["bin"] >> (width - shift)), []).append((row["bin"], row["count"]))
    return _without(result, heavy, shift, width)


def _with_prefixes(rows: DataFrame, wanted: Sequence[tuple[str, int]], width: int) -> DataFrame:
    """Return the rows of some strata and prefixes: few of them are part of the condition, which spares a job."""
    prefix = F.shiftrightunsigned("p", width)
    if len(wanted) > _FEW:
        small = rows.sparkSession.createDataFrame(wanted, "s string, prefix bigint")
        return rows.withColumn("prefix", prefix).join(F.broadcast(small), ["s", "prefix"], "left_semi")
    of: dict[str, list[int]] = {}
    for stratum, place in wanted:
        of.setdefault(stratum, []).append(place)
    # The first condition is cheap, and leaves out nearly all rows.
    near = prefix.isin(sorted({place for _, place in wanted}))
    return rows.where(near & F.array_contains(of_key(of, F.col("s"), "array<bigint>"), prefix))


def _without(counts: Counts, heavy: Mapping[str, Mapping[int, int]], shift: int, width: int) -> Counts:
    """Take the rows of heavy groups out of a histogram."""
    if not heavy:
        return counts
    less: dict[tuple[str, int], int] = {}
    for s, groups in heavy.items():
        for p, n in groups.items():
            less[s, p >> shift] = less.get((s, p >> shift), 0) + n
    return {key: [(b, n - less.get((key[0], b), 0)) for b, n in bins] for key, bins in counts.items()}


def _descend(search: _Search, counts: Counts, step: int, width: int, ties: Ties) -> None:
    """Move a search into the bin that holds its rank, or end it."""
    for prefix, count in counts.get((search.stratum, search.prefix), ()):
        if search.rank < search.before + count:
            search.prefix, search.inside = prefix, count
            if search.rank <= search.before:
                search.end(prefix << width)
            elif width == 0:
                _end_at_ties(search, count, ties)
            return
        search.before += count
    search.end(EVERYTHING)


def _end_at_ties(search: _Search, count: int, ties: Ties) -> None:
    """End a search inside rows that share one position."""
    below = search.rank - search.before
    if ties != "whole":
        search.end(search.prefix, (below, count))
    elif count - below <= below:
        search.before += count
        search.end(search.prefix + 1)
    else:
        search.end(search.prefix)

"""Exact cuts: where a stratum is divided in the order of a hash, found by narrow aggregations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.hashing._identity import EVERYTHING, HASH_BITS

_FINE_BIN = 4096  # a bin with at most so many rows is read value by value
_MAX_BINS = 1 << 20  # what one aggregation may return to the driver


@dataclass(frozen=True)
class Cut:
    """Where a stratum is divided: rows whose position is less than `below` are on the low side.

    Parameters
    ----------
    below : int
        In [0, 2**63]; 2**63 means every row.
    count : int
        How many rows are on the low side.
    take, ties : int, default 0
        Of the `ties` rows at exactly `below`, `take` are on the low side too.
    """

    below: int
    count: int
    take: int = 0
    ties: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; positions are decimal strings, since JSON's numbers end at 2**53."""
        return {"below": str(self.below), "count": self.count, "take": self.take, "ties": self.ties}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Cut:
        """Rebuild what `to_json` gave."""
        return cls(**{**document, "below": int(document["below"])})


@dataclass
class _Search:
    """A rank that is being looked for among the positions that start with `prefix`."""

    stratum: str
    index: int
    rank: int
    prefix: int = 0
    before: int = 0
    inside: int = -1
    found: Cut | None = None


def cuts(
    df: DataFrame,
    position: Column,
    stratum: Column,
    quotas: Mapping[str, Sequence[int]],
    *,
    whole: bool,
    bits: int = HASH_BITS,
) -> dict[str, list[Cut]]:
    """Find where each stratum must be cut so that exact counts lie on the low side.

    Parameters
    ----------
    df : DataFrame
        Read twice as a rule: once into a histogram of leading bits, once around the boundaries, value by value.
        Only the columns behind `position` and `stratum` are read, and no row comes to the driver.
    position : Column of bigint
        In [0, 2**bits): a `row_hash`, or a time.
    stratum : Column of string
    quotas : mapping of str to sequence of int
        For each stratum, the counts wanted on the low side of each of its cuts.
    whole : bool
        Rows at one position stay together, on the side that brings the count nearer to the quota.
        Otherwise the count is exact, and the cut says how many of the rows at its position are taken.
    bits : int, default 63
        Significant bits of `position`.

    Returns
    -------
    dict of str to list of Cut
        A quota of at least the size of its stratum gives a cut above every row.
    """
    rows = df.select(stratum.alias("s"), position.alias("p"))
    searches = [_Search(s, i, int(q)) for s, ranks in quotas.items() for i, q in enumerate(ranks)]
    searching, width = searches, bits
    while searching:
        step = min(width, _step(quotas) if width == bits else 12)
        counts = _histogram(rows, searching, width, width - step, first=width == bits)
        width -= step
        for search in searching:
            _descend(search, counts, step, width, whole)
        searching = [x for x in searching if x.found is None]
        if searching and max(x.inside for x in searching) <= _FINE_BIN:
            counts = _histogram(rows, searching, width, 0, first=False)
            for search in searching:
                _descend(search, counts, width, 0, whole)
            break
    result: dict[str, list[Cut]] = {s: [] for s in quotas}
    for search in searches:
        assert search.found is not None
        result[search.stratum].append(search.found)
    return result


def _step(quotas: Mapping[str, Sequence[int]]) -> int:
    """Leading bits that leave about 500 rows a bin in the largest stratum, and few enough bins in all."""
    largest = max((q for ranks in quotas.values() for q in ranks), default=1)
    wanted = max(largest // 512, 1).bit_length()
    affordable = (_MAX_BINS // max(len(quotas), 1)).bit_length() - 1
    return max(min(wanted, affordable, 16), 4)


def _histogram(
    rows: DataFrame, searching: Sequence[_Search], width: int, shift: int, *, first: bool
) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Count rows by their bits above `shift`, inside the prefixes that are searched: sorted (bin, count) pairs."""
    inside = rows.where(F.col("s").isNotNull())
    if not first:
        wanted = sorted({(x.stratum, x.prefix) for x in searching})
        small = rows.sparkSession.createDataFrame(wanted, "s string, prefix bigint")
        prefixed = inside.withColumn("prefix", F.shiftrightunsigned("p", width))
        inside = prefixed.join(F.broadcast(small), ["s", "prefix"], "left_semi")
    found = inside.groupBy("s", F.shiftrightunsigned("p", shift).alias("bin")).count().collect()
    result: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for row in sorted(found, key=lambda r: r["bin"]):
        prefix = 0 if first else row["bin"] >> (width - shift)
        result.setdefault((row["s"], prefix), []).append((row["bin"], row["count"]))
    return result


def _descend(
    search: _Search,
    counts: Mapping[tuple[str, int], Sequence[tuple[int, int]]],
    step: int,
    width: int,
    whole: bool,
) -> None:
    """Move a search into the bin that holds its rank, or end it."""
    for prefix, count in counts.get((search.stratum, search.prefix), ()):
        if search.rank < search.before + count:
            search.prefix, search.inside = prefix, count
            if search.rank <= search.before:
                search.found = Cut(prefix << width, search.before)
            elif width == 0:
                search.found = _at_ties(search, count, whole)
            return
        search.before += count
    search.found = Cut(EVERYTHING, search.before)


def _at_ties(search: _Search, ties: int, whole: bool) -> Cut:
    """Cut inside rows that share one position."""
    position, low, high = search.prefix, search.before, search.before + ties
    if not whole:
        return Cut(position, search.rank, take=search.rank - low, ties=ties)
    return Cut(position + 1, high) if high - search.rank <= search.rank - low else Cut(position, low)

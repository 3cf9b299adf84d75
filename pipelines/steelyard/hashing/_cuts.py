"""Exact cuts: where a stratum is divided in the order of a hash, found by narrow aggregations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pyspark.sql import Column, DataFrame

from steelyard.hashing._groups import Groups, divide, heavy_bits, heavy_groups
from steelyard.hashing._histograms import FEW, GAP, Windows, closer_look, coded, first_look
from steelyard.hashing._identity import EVERYTHING, HASH_BITS

_FINE_BIN = 4096  # a bin with at most so many rows is read value by value
_MAX_BINS = 1 << 20  # what one aggregation may return to the driver
_REACH = 4  # standard deviations; one cut in 16,000 is farther from where sizes say, and costs two more scans

Ties = Literal["whole", "exact", "proportional"]
Counts = Mapping[tuple[int, int], Sequence[tuple[int, int]]]
"""Bins in order with their rows, by stratum and the prefix that they share."""


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

    stratum: int
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
    stratum : Column of string or of int
        A name of `quotas`, or the place of one among them, which costs less for each row.
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
        Rows of each stratum, for hashes: they say where the boundaries must lie, but for four standard deviations, so
        that these places are counted value by value at once. The cuts are the same without them.

    Returns
    -------
    dict of str to list of Cut
        A quota of at least the size of its stratum gives a cut above every row.
    """
    rows, strata = coded(df.select(stratum.alias("s"), position.alias("p")), "s", quotas), len(quotas)
    known = [(sizes or {}).get(name, 0) for name in quotas]
    step = _step(quotas)
    if ties == "proportional":
        step = max(step, heavy_bits(strata))
    step = min(bits, step)
    shift = bits - step
    windows = _windows(list(quotas.values()), known, bits, shift)
    # Heavy groups are found by their bins, so that bins between windows are counted one by one.
    look = first_look(rows, strata, shift, step, windows, known if windows and ties != "proportional" else None)
    total = {s: sum(n for _, n in look.bins[s]) for s in range(strata)}
    heavy = heavy_groups(rows, look.bins, total, shift) if ties == "proportional" else {}
    searches = [
        _Search(s, rank, divided)
        for s, ranks in enumerate(quotas.values())
        for rank, divided in divide(ranks, total[s], heavy.get(s, {}))
    ]
    counts: Counts = _without({(s, 0): of for s, of in look.bins.items()}, heavy, shift, bits)
    searching, width = searches, bits
    while True:
        width -= step
        for search in searching:
            _descend(search, counts, step, width, ties)
        if any(x.prefix == GAP for x in searching):
            return cuts(df, position, stratum, quotas, ties=ties, bits=bits)  # the sizes do not tell
        searching = [x for x in searching if x.found is None]
        if not searching:
            break
        step = width if max(x.inside for x in searching) <= _FINE_BIN else min(width, 12)
        wanted = {(x.stratum, x.prefix) for x in searching}
        counts = {key: look.inside(*key, width, width - step) for key in wanted}
        if not all(counts.values()):
            counts = closer_look(rows, wanted, width, width - step)
        counts = _without(counts, heavy, width - step, width)
    found = iter(searches)
    return {name: [_found(next(found)) for _ in ranks] for name, ranks in quotas.items()}


def _found(search: _Search) -> Cut:
    assert search.found is not None
    return search.found


def _step(quotas: Mapping[str, Sequence[int]]) -> int:
    """Return how many leading bits leave about 500 rows a bin in the largest stratum, and few enough bins in all."""
    largest = max((q for ranks in quotas.values() for q in ranks), default=1)
    wanted = max(largest // 512, 1).bit_length()
    affordable = (_MAX_BINS // max(len(quotas), 1)).bit_length() - 1
    return max(min(wanted, affordable, 16), 4)


def _windows(quotas: Sequence[Sequence[int]], sizes: Sequence[int], bits: int, shift: int) -> Windows:
    """Return the first and the last bin of the places where hashes of strata of known sizes are cut."""
    if not all(sizes):
        return {}
    found: dict[int, list[tuple[int, int]]] = {}
    rows = 0.0
    for s, (ranks, n) in enumerate(zip(quotas, sizes, strict=True)):
        for rank in sorted(ranks):
            share = min(max(rank / n, 0.0), 1.0)
            reach = _REACH * math.sqrt(share * (1 - share) / n) + 16 / n
            ends = (max(share - reach, 0.0), min(share + reach, 1.0))
            first, last = (min(int(end * 2**bits), 2**bits - 1) >> shift for end in ends)
            of = found.setdefault(s, [])
            if of and first <= of[-1][1] + 1:
                first, last = of[-1][1] + 1, max(last, of[-1][1])
                of[-1] = (of[-1][0], last)
            else:
                of.append((first, last))
            rows += n * (last - first + 1) / 2 ** (bits - shift)
    return found if max(map(len, found.values()), default=0) <= FEW and rows <= _MAX_BINS else {}


def _without(counts: Counts, heavy: Mapping[int, Mapping[int, int]], shift: int, width: int) -> Counts:
    """Take the rows of heavy groups out of a histogram."""
    if not heavy:
        return counts
    less: dict[tuple[int, int], int] = {}
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

"""Heavy groups: rows that share one position and are so many that they are divided among themselves.

Rows without a key that are equal share one hash. A small group stays on one side, which protects against leaks. A heavy
group would move a whole side with it, so each side gets its proportion of the group's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.hashing._histograms import coded, first_look
from steelyard.hashing._identity import HASH_BITS
from steelyard.kernels.allocate import largest_remainder

FEW = 10
"""A group of at most so many rows stays together."""
SHARE = 1000
"""A heavy group has more than one in so many rows of its stratum."""
_BITS = 13  # at least four bins for each heavy group that a stratum can have

Groups = Mapping[int, tuple[int, int]]


def is_heavy(rows: int, of: int) -> bool:
    """Whether a group of `rows` equal rows in a stratum of `of` rows is divided.

    Examples
    --------
    >>> is_heavy(11, 500), is_heavy(10, 500), is_heavy(500, 1_000_000)
    (True, False, False)
    """
    return rows > FEW and rows * SHARE > of


def heavy_bits(strata: int) -> int:
    """Return how many leading bits of the hash a histogram needs to rule out heavy groups in most bins."""
    return max(_BITS - (max(strata, 1) - 1).bit_length(), 4)


def find_heavy_groups(rows: DataFrame, sizes: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """Return the positions of heavy groups with their rows, by stratum; `heavy_groups` with its own histogram.

    Reads `rows` once, twice where a bin has as many rows as a heavy group.
    """
    step, names = heavy_bits(len(sizes)), list(sizes)
    shift = HASH_BITS - step
    coded_rows = coded(rows, "s", names)
    look = first_look(coded_rows, len(names), shift, step)
    found = heavy_groups(coded_rows, look.bins, dict(enumerate(sizes.values())), shift)
    return {names[s]: of for s, of in found.items()}


def is_clumped(copies: Sequence[int] | NDArray[np.int64], wanted: float) -> bool:
    """Whether a hash sample may misjudge heavy groups: it has one, or is far from the size that it should have.

    Parameters
    ----------
    copies : sequence of int
        Rows of each position in the sample.
    wanted : float
        Rows that the sample should have.
    """
    counts = np.asarray(copies, dtype=np.int64)
    # Six standard deviations of the number of rows, if each were drawn by itself.
    return bool(abs(counts.sum() - wanted) > 6 * wanted**0.5 + 1 or (counts > FEW).any())


def heavy_groups(
    rows: DataFrame, bins: Mapping[int, Sequence[tuple[int, int]]], sizes: Mapping[int, int], shift: int
) -> dict[int, dict[int, int]]:
    """Return the positions of heavy groups with their rows, by stratum.

    Reads `rows` only where a bin has as many rows as a heavy group.

    Parameters
    ----------
    rows : DataFrame
        ``s`` (stratum, an int) and ``p`` (position).
    bins : mapping of int to sequence of (int, int)
        Number of each bin, and its rows.
    sizes : mapping of int to int
        Rows of each stratum.
    shift : int
        A row's bin is its position without so many trailing bits.
    """
    full = [(s, b, max(FEW, sizes[s] // SHARE)) for s, of in bins.items() for b, n in of if is_heavy(n, sizes[s])]
    if not full:
        return {}
    named = rows.sparkSession.createDataFrame(full, "s int, bin bigint, most bigint")
    counted = (
        rows.withColumn("bin", F.shiftrightunsigned("p", shift))
        .join(F.broadcast(named), ["s", "bin"])
        .groupBy("s", "p", "most")
        .count()
        .where(F.col("count") > F.col("most"))
    )
    found: dict[int, dict[int, int]] = {}
    for r in sorted(counted.collect(), key=lambda r: (r["s"], r["p"])):
        found.setdefault(r["s"], {})[r["p"]] = r["count"]
    return found


def divide(quotas: Sequence[int], size: int, heavy: Mapping[int, int]) -> Iterator[tuple[int, Groups]]:
    """Divide heavy groups among the sides of cuts, in proportion.

    Parameters
    ----------
    quotas : sequence of int
        Rows wanted below each cut, ascending.
    size : int
        Rows of the stratum.
    heavy : mapping of int to int
        Position of each heavy group, and its rows.

    Yields
    ------
    rank : int
        Rows below this cut that are in no heavy group.
    groups : mapping of int to (int, int)
        For each heavy group, how many of how many rows are below this cut.

    Examples
    --------
    >>> list(divide([20, 30], 100, {7: 50}))
    [(10, {7: (10, 50)}), (15, {7: (15, 50)})]
    """
    if not heavy:
        yield from ((int(quota), {}) for quota in quotas)
        return
    left = [size - sum(heavy.values()), *heavy.values()]
    below = [0] * len(left)
    for quota in quotas:
        # Side by side, so that a group never has fewer rows below a later cut.
        parts = largest_remainder(left, min(max(int(quota), sum(below)), size) - sum(below))
        left = [n - part for n, part in zip(left, parts, strict=True)]
        below = [n + part for n, part in zip(below, parts, strict=True)]
        yield below[0], {p: (n, of) for (p, of), n in zip(heavy.items(), below[1:], strict=True)}

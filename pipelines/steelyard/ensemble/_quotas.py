"""How many rows of each class a bag holds. Needs no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.errors import InputError
from steelyard.sampling.strategy import resolve


@dataclass(frozen=True)
class Quotas:
    """Rows of each class in the table and in a bag.

    Parameters
    ----------
    counts, bag : dict of str to int
    bags : int
    cut : bool
        Whether `max_cells` made the bags smaller than asked for.
    """

    counts: dict[str, int]
    bag: dict[str, int]
    bags: int
    cut: bool = False

    @property
    def rates(self) -> dict[str, float]:
        """The share of each class's rows that a bag holds."""
        return {c: self.bag[c] / n for c, n in self.counts.items()}

    def used(self, *, replacement: bool) -> dict[str, float]:
        """Return the share of each class's rows that is in at least one bag; with replacement, the expected share."""
        if replacement:
            return {c: 1 - (1 - 1 / n) ** (self.bag[c] * self.bags) for c, n in self.counts.items()}
        return {c: min(1.0, self.bag[c] * self.bags / n) for c, n in self.counts.items()}


def quotas(counts: Mapping[str, int], strategy: Any, bags: int, features: int, max_cells: int) -> Quotas:
    """Return the rows of each class in a bag.

    Parameters
    ----------
    counts : mapping of str to int
    strategy : float, str or mapping
        A `sampling_strategy` of under-sampling.
    bags, features : int
    max_cells : int
        Rows × features of a bag at most: beyond it, the rows of all classes are reduced by the same factor.

    Raises
    ------
    InputError
        For a strategy that these counts cannot satisfy, or one that leaves a class without rows.

    Examples
    --------
    >>> quotas({"0": 9000, "1": 100}, "auto", 10, 5, 10_000).bag
    {'0': 100, '1': 100}
    >>> quotas({"0": 9000, "1": 100}, "auto", 10, 5, 500).bag
    {'0': 50, '1': 50}
    """
    bag = {**counts, **resolve(strategy, counts, "under-sampling")}
    rows, most = sum(bag.values()), max_cells // max(features, 1)
    if empty := [c for c, n in bag.items() if n == 0]:
        raise InputError(f"sampling_strategy leaves no rows of class {empty[0]!r} in a bag")
    if rows <= most:
        return Quotas(dict(counts), bag, bags)
    if most < 2 * len(bag):
        raise InputError(
            f"train.params.max_cells of {max_cells:,} leaves {most} rows of {features:,} features in a bag; raise it"
        )
    return Quotas(dict(counts), {c: max(n * most // rows, 1) for c, n in bag.items()}, bags, cut=True)

"""The settings of a neighbour search, and the division of its rows into blocks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.kernels.cells import Cells, packed
from steelyard.kernels.distance import EUCLIDEAN, Distance

BLOCK_BYTES = 192 * 2**20
"""How large the features of a block of rows may be."""

_COPY = 7000  # multiplications that carrying one number to one more task costs (measured: 4,000 to 8,000)
_USUAL = 0.25  # of all pairs, where their share isn't known: rather more than on most tables
_IN_CELLS = 6  # a comparison in a cell costs so much more than one of many at once (measured: 6.4)

Sizes = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Layout:
    """How one set of rows is divided: `queries` × `index` pairs of blocks, numbered from `first`."""

    queries: int
    index: int
    first: int = 0

    @property
    def pairs(self) -> int:
        """How many pairs of blocks there are, each a task."""
        return self.queries * self.index


@dataclass(frozen=True)
class Division:
    """A set that is searched by cells.

    Parameters
    ----------
    cells : Cells
    sizes : tuple of int
        Rows of the index in each cell.
    recall : float
        Share of exact neighbours found, measured on a sample of the queries.
    compared : float
        Rows that a query is compared with, on average.
    """

    cells: Cells
    sizes: tuple[int, ...]
    recall: float
    compared: float

    def to_json(self) -> dict[str, Any]:
        """Return a summary as JSON types."""
        return {"cells": len(self.sizes), "probes": self.cells.probes, "recall": round(self.recall, 4)}


@dataclass(frozen=True)
class Search:
    """A search for nearest neighbours.

    Parameters
    ----------
    k : int
        Neighbours of each query.
    n_features : int
        Length of a row.
    sizes : mapping of str to (int, int)
        Queries and index rows of each set; only rows of one set are neighbours.
    scale : sequence of float, optional
        Numbers are divided by these before distances are taken.
    distance : Distance, default Euclidean
    penalties : mapping of str to float
        Of sets in which categories that differ weigh otherwise than `distance` says.
    distinct : bool, default False
        Neighbours differ from the query and from one another: of equal rows the one with the smallest id stands for
        all.
    block_bytes : int, default 192 MiB
        How large the features of a block may be: what a task holds is a small multiple of it.
    divisions : mapping of str to Division
        Sets that are searched by cells; all others exactly.
    shares : mapping of str to float
        Of sets that are searched exactly: which share of all pairs are compared, since the rest can't be neighbours.
        Where it isn't known, all.

    Examples
    --------
    >>> Search(5, 30, {"fraud": (1000, 1000)}).layouts()
    {'fraud': Layout(queries=1, index=1, first=0)}
    """

    k: int
    n_features: int
    sizes: Sizes
    scale: tuple[float, ...] | None = None
    distance: Distance = EUCLIDEAN
    penalties: Mapping[str, float] = field(default_factory=dict)
    distinct: bool = False
    block_bytes: int = BLOCK_BYTES
    divisions: Mapping[str, Division] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)

    def layouts(self) -> dict[str, Layout]:
        """Return how many blocks each set is divided into: by sizes alone, never by cores."""
        layouts: dict[str, Layout] = {}
        first = 0
        for name, (n_queries, n_index) in self.sizes.items():
            row_bytes = 8 * self.n_features
            index = max(-(-n_index * row_bytes // self.block_bytes), 1)
            asked = n_queries
            if name in self.divisions and index > 1:
                index = max(last for _, last in self.blocks(name)) + 1
                asked = -(-n_queries * min(self.divisions[name].cells.probes, index) // index)
            # A task holds a block of the index and, as there is more to be held of a query, half of one of queries.
            by_memory = max(-(-2 * asked * row_bytes // self.block_bytes), 1)
            layout = Layout(max(by_memory, self._query_blocks(name)), index, first)
            layouts[name] = layout
            first += layout.pairs
        return layouts

    def _query_blocks(self, name: str) -> int:
        """Return into how many blocks queries are dealt, each of which has the whole index carried to it.

        With w to multiply and c to carry an index, q blocks take w / q + c q on as many cores: least at √(w / c). A
        power of two, as numbers of cores mostly are; two at least where there is more to multiply than to carry.
        """
        known = name in self.shares or name in self.divisions
        worth = self.work(name) * (1 if known else _USUAL) / max(self.sizes[name][1] * self.n_features * _COPY, 1)
        return int(2 ** max(round(math.log2(worth) / 2), 1)) if worth > 1 else 1

    def one_block(self) -> bool:
        """Whether every index fits one block."""
        return all(layout.index == 1 for layout in self.layouts().values())

    def comparisons(self, name: str) -> int:
        """Return how many pairs of rows of a set are compared."""
        n_queries, n_index = self.sizes[name]
        division = self.divisions.get(name)
        return int(n_queries * (division.compared if division else n_index * self.shares.get(name, 1.0)))

    def work(self, name: str) -> float:
        """Return what a set costs, in multiplications of a large block."""
        return self.comparisons(name) * self.n_features * (_IN_CELLS if name in self.divisions else 1)

    def blocks(self, name: str) -> list[tuple[int, int]]:
        """Return the first and the last index block of each cell of a set.

        Cells that are near to each other in their numbering share blocks, of about one size; a cell that fills more
        than a block is cut into several, by hashes of its rows.
        """
        full, sizes = max(self.block_bytes // (8 * self.n_features), 1), self.divisions[name].sizes
        even = -(-sum(sizes) // max(-(-sum(sizes) // full), 1))
        return packed(sizes, min(full, even + max((s for s in sizes if s <= full), default=0)))

    def settings(self) -> dict[str, Any]:
        """Return what tasks need: small plain values."""
        scale = None if self.scale is None else [float(s) for s in self.scale]
        cells = {n: (d.cells.centroids, d.cells.probes) for n, d in self.divisions.items()}
        return {
            "k": self.k,
            "n_features": self.n_features,
            "scale": scale,
            "distance": vars(self.distance),
            "penalties": dict(self.penalties),
            "distinct": self.distinct,
            "cells": cells,
        }

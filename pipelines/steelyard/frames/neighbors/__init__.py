"""Nearest neighbours between rows of a DataFrame: exact by blocks, or by cells with a measured recall.

Rows are assigned to blocks. Every block of queries meets the blocks of the index that may hold its neighbours, in
tasks of their own, where `steelyard.kernels.knn` searches; the partial lists of a query are merged. Blocks, cells and
the order in which they are searched depend on the data and on the search's settings alone, and the kernel's distances
don't depend on the blocks, so neither do the neighbours.

`Search` describes a search, `with_cells` decides whether cells save work, and `nearest`, `farthest` and `pairs` run it.
`look_up` searches a large table for a few rows without shuffling it.
"""

from steelyard.frames.neighbors._blocks import with_cell
from steelyard.frames.neighbors._cells import centroids_of, with_cells
from steelyard.frames.neighbors._lookup import MOST_BYTES, Lists, look_up
from steelyard.frames.neighbors._nearest import farthest, nearest, pairs, pairs_from
from steelyard.frames.neighbors._search import BLOCK_BYTES, Division, Layout, Search, Sizes

__all__ = [
    "BLOCK_BYTES",
    "MOST_BYTES",
    "Division",
    "Layout",
    "Lists",
    "Search",
    "Sizes",
    "centroids_of",
    "farthest",
    "look_up",
    "nearest",
    "pairs",
    "pairs_from",
    "with_cell",
    "with_cells",
]

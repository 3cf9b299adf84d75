"""Row identity and exact cuts: every random decision about rows starts here.

A row's place in a random order is a 63-bit hash of what identifies it, a seed and a purpose. It doesn't depend
on partitioning, executors, retries or the order of rows. A *cut* divides the rows of a stratum at an exact count
of that order, with two narrow aggregations and no sort.
"""

from steelyard.hashing._cuts import Cut, Ties, cuts
from steelyard.hashing._draws import BAG, DRAW, Draws
from steelyard.hashing._groups import find_heavy_groups, is_clumped, is_heavy
from steelyard.hashing._identity import (
    ENCODING_VERSION,
    HASH_BITS,
    ROW_ID,
    encode,
    group_hash,
    hashable,
    row_hash,
    sample_limit,
    unit_hash,
    with_row_id,
)
from steelyard.hashing._sides import divided_groups, is_below, select, with_side

__all__ = [
    "BAG",
    "DRAW",
    "ENCODING_VERSION",
    "HASH_BITS",
    "ROW_ID",
    "Cut",
    "Draws",
    "Ties",
    "cuts",
    "divided_groups",
    "encode",
    "find_heavy_groups",
    "group_hash",
    "hashable",
    "is_below",
    "is_clumped",
    "is_heavy",
    "row_hash",
    "sample_limit",
    "select",
    "unit_hash",
    "with_row_id",
    "with_side",
]

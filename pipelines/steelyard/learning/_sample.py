"""A bounded sample of rows as a NumPy array: the same numbers in the same order, however the rows are partitioned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.hashing import cuts, row_hash, select

_ROWS = 100_000
_CELLS = 8_000_000  # 64 MB on the driver


def hash_sample(
    df: DataFrame, identity: Sequence[str], numbers: Column, width: int, *, rows: int, seed: int, purpose: str
) -> NDArray[np.float64]:
    """Return `numbers`, an array of `width` doubles, of a sample of `rows` rows, null as NaN; by hash, then by value.

    The table is read once where all of its rows are taken, else three times, twice of them narrowly.
    """
    limit = max(min(_ROWS, _CELLS // max(width, 1)), 1000)
    place = row_hash(df, identity, seed, purpose)
    if rows > limit:
        everything = F.lit("all")
        found = cuts(df, place, everything, {"all": [limit]}, ties="proportional", sizes={"all": rows})
        df = select(df, place, everything, {"all": found["all"][0]})
    table = df.select(place.alias("h"), numbers.alias("x")).toArrow()
    flat = table["x"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    values = flat.astype(np.float64).reshape(-1, width)
    order = np.lexsort((*values.T[::-1], table.column("h").to_numpy()))
    ordered: NDArray[np.float64] = values[order]
    return ordered

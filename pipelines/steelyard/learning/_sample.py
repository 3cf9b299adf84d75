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
    df: DataFrame, identity: Sequence[str], columns: Sequence[Column], *, rows: int, seed: int, purpose: str
) -> NDArray[np.float64]:
    """Return the values of double `columns` for a sample of `rows` rows, null as NaN; ordered by hash, then by value.

    The table is read once where all of its rows are taken, else three times, twice of them narrowly.
    """
    limit = max(min(_ROWS, _CELLS // max(len(columns), 1)), 1000)
    place = row_hash(df, identity, seed, purpose)
    if rows > limit:
        everything = F.lit("all")
        found = cuts(df, place, everything, {"all": [limit]}, ties="proportional", sizes={"all": rows})
        df = select(df, place, everything, {"all": found["all"][0]})
    table = df.select(place.alias("h"), *[c.alias(f"c{i}") for i, c in enumerate(columns)]).toArrow()
    values = np.column_stack([table.column(i + 1).to_numpy() for i in range(len(columns))]).astype(np.float64)
    return values[np.lexsort((*values.T[::-1], table.column("h").to_numpy()))]

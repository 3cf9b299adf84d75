"""Column expressions and collecting that the metrics' aggregations share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_BITS = 62


def power_scale(largest: float, rows: int) -> float:
    """Return the power of two that scales values up to `largest` so that `rows` of them fit a bigint."""
    if not largest > 0:
        return 1.0
    return 2.0 ** min(_BITS - math.ceil(math.log2(largest) + math.log2(max(rows, 1))), 1000)


def exact_sum(value: Column, scale: float) -> Column:
    """Return a sum in integers: it doesn't depend on the order of rows, as a sum of floats does.

    Divide it by `scale` afterwards. The rounding of a row is below 2^-62 of the greatest possible sum.
    """
    return F.sum(F.rint(value * F.lit(scale)).cast("bigint"))


def number_array(values: Sequence[float] | NDArray[np.float64]) -> Column:
    """Return a constant array: one string to parse, once, and not thousands of literals to send."""
    text = ",".join("Infinity" if math.isinf(v) else repr(float(v)) for v in values)
    return F.split(F.lit(text), ",").cast("array<double>")


def pad(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return edges filled up with infinity to one less than a power of two, as `bisect` needs them."""
    size = (1 << max(len(edges), 1).bit_length()) - 1
    return np.concatenate([edges, np.full(size - len(edges), np.inf)])


def bisect(value: Column, edges: Column, size: int) -> Column:
    """Return how many of `size` ascending edges are at most `value`: a binary search.

    Parameters
    ----------
    value : Column of double
    edges : Column of array<double>
        Padded by `pad`.
    size : int
        Length of the padded array.
    """
    steps = [1 << i for i in reversed(range(size.bit_length()))]

    def step(place: Column, width: Column) -> Column:
        return F.when(value >= F.element_at(edges, place + width), place + width).otherwise(place)

    return F.aggregate(F.array(*[F.lit(s) for s in steps]), F.lit(0), step)


def collect(df: DataFrame) -> dict[str, NDArray[np.generic]]:
    """Return a small aggregate as one NumPy array per column (it has no nulls)."""
    table = df.toArrow()
    return {name: table.column(name).to_numpy() for name in table.column_names}

"""Column expressions and collecting that the metrics' aggregations share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.kernels.arrays import Floats

_BITS = 62


def power_scale(largest: float, rows: int) -> float:
    """Return the power of two that scales values up to `largest` so that `rows` of them fit a bigint."""
    if not largest > 0:
        return 1.0
    return 2.0 ** min(_BITS - math.ceil(math.log2(largest) + math.log2(max(rows, 1))), 1000)


def exact_sum(value: Column, scale: Column | float) -> Column:
    """Return a sum in integers: it doesn't depend on the order of rows, as a sum of floats does.

    Divide it by `scale` afterwards. The rounding of a row is below 2^-62 of the greatest possible sum.
    """
    return F.sum(F.rint(value * scale).cast("bigint"))


def number_array(values: Floats) -> Column:
    """Return a constant array."""
    return F.lit(np.asarray(values, dtype=np.float64))


def let(value: Column, use: Callable[[Column], Column]) -> Column:
    """Return `use(value)`, with `value` evaluated once for a row however often `use` names it.

    Constants too: a constant array isn't folded into one value before Spark evaluates expressions on local data.
    """
    return F.element_at(F.transform(F.array(value), use), 1)


def pad(edges: Floats) -> Floats:
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
    steps = F.array(*[F.lit(1 << i) for i in reversed(range(size.bit_length()))])

    def search(given: Column) -> Column:
        def step(place: Column, width: Column) -> Column:
            return F.when(value >= F.element_at(given, place + width), place + width).otherwise(place)

        return F.aggregate(steps, F.lit(0), step)

    return let(edges, search)


def collect(df: DataFrame) -> dict[str, NDArray[np.generic]]:
    """Return a small aggregate as one NumPy array per column (it has no nulls)."""
    table = df.toArrow()
    return {name: table.column(name).to_numpy() for name in table.column_names}

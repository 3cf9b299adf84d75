"""Array types, and arithmetic on arrays that the other kernels share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


def divide(top: ArrayLike, bottom: ArrayLike, otherwise: float = np.nan) -> Floats:
    """Return `top / bottom`, and `otherwise` where `bottom` isn't positive."""
    above, below = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    shape = np.broadcast(above, below).shape
    quotient: Floats = np.divide(above, below, out=np.full(shape, otherwise), where=below > 0)
    return quotient


def sum_in_bins(bins: Counts, values: ArrayLike, count: int) -> Floats:
    """Return the sum of the values in each of `count` bins."""
    return np.bincount(bins, np.asarray(values, dtype=np.float64), count).astype(np.float64)


def means_of(rows: NDArray[np.floating[Any]], group: NDArray[np.integer], count: int) -> Floats:
    """Return the mean row of each of `count` groups that has rows."""
    sizes = np.bincount(group, minlength=count)
    sums = np.stack([np.bincount(group, column, count) for column in rows.T], axis=1)
    there = sizes > 0
    means: Floats = sums[there] / sizes[there, None]
    return means

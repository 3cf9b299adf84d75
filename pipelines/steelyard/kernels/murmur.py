"""Spark's hash of a whole number: where its shuffles send a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SEED = 42  # of Spark's `hash` and its hash partitioner


def spark_hash(values: ArrayLike) -> NDArray[np.int32]:
    """Return what Spark SQL's `hash` gives for a bigint: MurmurHash3, 32 bits.

    Parameters
    ----------
    values : array of int64, shape (n,)

    Returns
    -------
    array of int32, shape (n,)

    Examples
    --------
    >>> spark_hash([0, 1]).tolist()
    [-1670924195, -1712319331]

    References
    ----------
    Appleby, "MurmurHash3", smhasher, 2011.
    """
    bits = np.asarray(values, dtype=np.int64).view(np.uint64)
    low, high = bits.astype(np.uint32), (bits >> np.uint64(32)).astype(np.uint32)
    mixed = _mixed(_mixed(np.full_like(low, _SEED), low), high) ^ np.uint32(8)  # bytes
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (mixed ^ (mixed >> np.uint32(16))).view(np.int32)


def _mixed(so_far: NDArray[np.uint32], word: NDArray[np.uint32]) -> NDArray[np.uint32]:
    added = _rotated(word * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)
    return _rotated(so_far ^ added, 13) * np.uint32(5) + np.uint32(0xE6546B64)


def _rotated(word: NDArray[np.uint32], by: int) -> NDArray[np.uint32]:
    return (word << np.uint32(by)) | (word >> np.uint32(32 - by))

"""Random numbers that are a pure function of (row id, seed, purpose, replicate)."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def splitmix64(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix 64-bit words: the finaliser of SplitMix64 after one step of its counter.

    References
    ----------
    Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    with np.errstate(over="ignore"):
        z = x + _GAMMA
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        return z ^ (z >> np.uint64(31))


def words(row_ids: ArrayLike, seed: int, purpose: str, replicate: ArrayLike = 0) -> NDArray[np.uint64]:
    """Return one pseudo-random 64-bit word for each row id.

    The same row and seed give independent words for different purposes, and for different replicates.
    """
    ids = np.atleast_1d(np.asarray(row_ids, dtype=np.int64)).view(np.uint64)
    salt = hashlib.blake2b(f"{seed}\x00{purpose}".encode(), digest_size=8).digest()
    counter = np.asarray(replicate, dtype=np.int64).astype(np.uint64)
    mixed = splitmix64(ids ^ np.frombuffer(salt, dtype="<u8")[0])
    return splitmix64(mixed ^ splitmix64(np.atleast_1d(counter)))


def uniform(row_ids: ArrayLike, seed: int, purpose: str, replicate: ArrayLike = 0) -> NDArray[np.float64]:
    """Return one number in [0, 1) for each row id (53 bits).

    Examples
    --------
    >>> bool(uniform([1, 2], seed=0, purpose="gap")[0] == uniform([1], seed=0, purpose="gap")[0])
    True
    """
    return (words(row_ids, seed, purpose, replicate) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(row_ids: ArrayLike, seed: int, purpose: str, n: int, replicate: ArrayLike = 0) -> NDArray[np.float64]:
    """Return `n` standard normal numbers for each row id, shape (n_ids, n)."""
    from scipy.special import ndtri  # half a second of a worker's start, which hardly any task needs

    columns = [uniform(row_ids, seed, f"{purpose}/{i}", replicate) for i in range(n)]
    # The middle of the interval of doubles that round to the number: never 0, whose quantile is infinite.
    chance = np.column_stack(columns) + 2.0**-54 if columns else np.empty((len(np.atleast_1d(row_ids)), 0))
    found: NDArray[np.float64] = ndtri(chance)
    return found

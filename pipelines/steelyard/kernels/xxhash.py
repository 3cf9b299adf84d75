"""XXH64 as Spark's `xxhash64` computes it, of columns of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(p)
    for p in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
)
_SEED = 42


def xxhash64(longs: NDArray[np.int64], constants: Sequence[int | str] = ()) -> Words:
    """Return the hash of a bigint column and constants, as Spark's function does.

    Parameters
    ----------
    longs : array of int64
    constants : sequence of int or str
        An int is of Spark's type int if it has 32 bits, else a bigint. A str has four ASCII letters.

    References
    ----------
    .. [1] Collet, "xxHash fast digest algorithm", github.com/Cyan4973/xxHash.

    Examples
    --------
    >>> xxhash64(np.array([0, 1])).view(np.int64).tolist()
    [-5252525462095825812, -7001672635703045582]
    """
    with np.errstate(over="ignore"):
        found = _long(longs.view(np.uint64), np.full(1, _SEED, np.uint64))
        for constant in constants:
            number = int.from_bytes(constant.encode(), "little") if isinstance(constant, str) else constant
            found = _word(number, found) if -(2**31) <= number < 2**31 else _long(_unsigned(number), found)
        return found


def _word(number: int, seed: Words) -> Words:
    mixed = seed + _P5 + np.uint64(4)
    mixed ^= np.array([number % 2**32], np.uint64) * _P1
    return _finished(_rotated(mixed, 23) * _P2 + _P3)


def _long(number: Words, seed: Words) -> Words:
    mixed = (seed + _P5 + np.uint64(8)) ^ (_rotated(number * _P2, 31) * _P1)
    return _finished(_rotated(mixed, 27) * _P1 + _P4)


def _unsigned(number: int) -> Words:
    return np.array([number % 2**64], np.uint64)


def _rotated(word: Words, bits: int) -> Words:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


def _finished(word: Words) -> Words:
    word ^= word >> np.uint64(33)
    word *= _P2
    word ^= word >> np.uint64(29)
    word *= _P3
    word ^= word >> np.uint64(32)
    return word

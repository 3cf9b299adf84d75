"""Sums that do not depend on the order of their terms."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats

TERM_BITS = 62
"""A term of a sum is rounded to 2**-62 of its bound: sums of whole numbers do not depend on their order."""
HALF = 32
"""Bits of the lower half of a term: sums of halves fit in 63 bits up to two billion rows."""


def exact_sum(terms: Floats) -> float:
    """Return the sum of terms in [0, 1], each rounded to 2**-62.

    Examples
    --------
    >>> exact_sum(np.array([0.5, 0.25, 0.25]))
    1.0
    """
    return from_halves(*halves(terms))


def halves(terms: Floats) -> tuple[int, int]:
    """Return the sums of the upper and lower halves of terms: those of parts of a table may be added."""
    whole = np.rint(terms * 2.0**TERM_BITS).astype(np.int64)
    return int((whole >> HALF).sum()), int((whole & ((1 << HALF) - 1)).sum())


def from_halves(high: int, low: int) -> float:
    """Return the sum of terms from the sums of their upper and lower halves."""
    return float(((high << HALF) + low) / 2**TERM_BITS)

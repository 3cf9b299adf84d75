"""Dividing whole numbers."""

from __future__ import annotations

from collections.abc import Sequence


def largest_remainder(weights: Sequence[int], total: int) -> list[int]:
    """Divide `total` in proportion to `weights`, in whole numbers that add up.

    Each part is its exact share rounded down or up; the largest fractions are rounded up, of equal ones the first.
    Exact for numbers of any size.

    Examples
    --------
    >>> largest_remainder([5, 3, 2], 7)
    [4, 2, 1]
    """
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts, fractions = zip(*(divmod(w * total, whole) for w in weights), strict=True)
    up = sorted(range(len(weights)), key=lambda i: (-fractions[i], i))[: total - sum(parts)]
    return [part + (i in set(up)) for i, part in enumerate(parts)]

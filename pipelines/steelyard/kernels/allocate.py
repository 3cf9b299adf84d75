"""Divide whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.kernels.arrays import Counts


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


def place_groups(groups: Counts, wanted: Counts, base: Counts) -> Counts:
    """Return the side of each group, so that each side has nearly the wanted rows of each class.

    The greedy rule of scikit-learn's `StratifiedGroupKFold`, for sides of any size: groups by descending share of a
    class, each to the side where the squared deviations, as shares of their class, grow least. Deviations are from the
    wanted part of the rows placed so far.

    Parameters
    ----------
    groups : array of shape (n_groups, n_classes)
        Rows of each class in each group.
    wanted, base : arrays of shape (n_sides, n_classes)
        Rows of each class that each side should have in all, and those that it has already.

    Examples
    --------
    >>> place_groups(np.array([[4, 0], [1, 1], [1, 1]]), np.array([[3, 1], [3, 1]]), np.zeros((2, 2), int))
    array([0, 1, 0])
    """
    totals = np.maximum(wanted.sum(axis=0), 1)
    # Classes are the first axis, so that sums over them have one order on every machine.
    held, share, weight = base.T.astype(float), (wanted / totals).T, 1.0 / totals**2
    sides = np.zeros(len(groups), dtype=np.int64)
    for i in np.argsort(-(groups / totals).max(axis=1, initial=0), kind="stable"):
        rows = groups[i]
        deviation = held - share * (held.sum(axis=1) + rows)[:, None]
        sides[i] = np.argmin((deviation * (rows * weight)[:, None]).sum(axis=0))
        held[:, sides[i]] += rows
    return sides

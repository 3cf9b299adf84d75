"""Inductive Venn-Abers prediction: an interval of probabilities for each score."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.arrays import Floats


def venn_abers(pos: Floats, neg: Floats, added_pos: float = 1.0, added_neg: float = 1.0) -> tuple[Floats, Floats]:
    """Return the two probabilities of a new row at each distinct calibration score.

    They are the values at its score of two isotonic regressions: of the calibration rows and the new row as a negative
    (p0), and as a positive (p1). One of them is calibrated, whatever the model is. Between two calibration scores p0 is
    that of the lower and p1 that of the higher one; below all of them p0 is 0, and above all of them p1 is 1.

    Linear in the number of scores.

    Parameters
    ----------
    pos, neg : array of float64, shape (n,)
        Weight of the positive and of the negative calibration rows that have each score, from the lowest score up.
    added_pos, added_neg : float, default 1
        Weight of the new row as a positive and as a negative.

    Returns
    -------
    tuple of arrays
        p0 and p1 at each score. p0 is at most p1, and neither falls.

    References
    ----------
    Vovk, Petej, Fedorova, "Large-scale probabilistic predictors with and without guarantees of validity", NIPS 2015.

    Examples
    --------
    >>> low, high = venn_abers(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    >>> low, high
    (array([0. , 0.5]), array([0.5, 1. ]))
    """
    low = 1.0 - _upper(neg[::-1], (pos + neg)[::-1], added_neg)[::-1]
    return low, _upper(pos, pos + neg, added_pos)


def _upper(pos: Floats, size: Floats, added: float) -> Floats:
    """Return isotonic regression's value for a positive row that is inserted before each score.

    It is the slope of the lower convex hull of cumulated positives over cumulated rows, where the hull passes the
    inserted row. From one score to the next, a single point of that path changes: the hull right of the inserted row is
    a stack whose top is the left end of the segment that passes it.
    """
    x, y = np.cumsum(size).tolist(), np.cumsum(pos).tolist()
    hull: list[tuple[float, float]] = []
    for point in zip((-added, 0.0, *x)[::-1], (-added, 0.0, *y)[::-1], strict=True):
        _push(hull, point)
    found = np.empty(len(x))
    for i, (right, up) in enumerate(zip(x, y, strict=True)):
        found[i] = _slope(hull[-1], hull[-2])
        point = (right - added, up - added)  # the row is inserted after this score from now on
        if _turn(point, hull[-1], hull[-2]) > 0:  # below the segment, so on the hull
            hull.pop()
            _push(hull, point)
    return np.clip(found, 0.0, 1.0)


def _push(hull: list[tuple[float, float]], point: tuple[float, float]) -> None:
    """Add a point to the left of a lower hull, and remove those that it leaves above the hull."""
    while len(hull) > 1 and _turn(hull[-1], point, hull[-2]) <= 0:
        hull.pop()
    hull.append(point)


def _turn(point: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> float:
    """Return a number above 0 where a point is below the line through two others."""
    return (right[1] - left[1]) * (point[0] - left[0]) - (point[1] - left[1]) * (right[0] - left[0])


def _slope(left: tuple[float, float], right: tuple[float, float]) -> float:
    return (right[1] - left[1]) / (right[0] - left[0])

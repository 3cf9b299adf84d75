"""Points around a row: in a ball, or by a normal step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def in_ball(
    centers: Floats, surfaces: Floats, directions: Floats, radii: Floats, *, truncation: float, deformation: float
) -> tuple[Floats, Floats]:
    """Return points inside the ball around each center whose surface a second point lies on, as Geometric SMOTE does.

    Parameters
    ----------
    centers, surfaces : arrays of shape (n, d)
    directions : array of shape (n, d)
        Normal numbers: with `radii`, they give a point of the unit ball.
    radii : array of shape (n,)
        Uniform numbers in [0, 1).
    truncation : float
        From -1 to 1: how much of the half ball away from the surface point (towards it, where negative) is cut off; a
        point in the part that is cut off is mirrored.
    deformation : float
        From 0 to 1: how much the ball is pressed onto the line between the two.

    Returns
    -------
    points : array of shape (n, d)
    gaps : array of shape (n,)
        How far each lies from its center, in radii of its ball.

    References
    ----------
    Douzas, Bacao, "Geometric SMOTE: a geometrically enhanced drop-in replacement for SMOTE", Information Sciences 501,
    2019.
    """
    d = centers.shape[1]
    lengths = np.sqrt(np.square(directions).sum(axis=1, keepdims=True))
    unit = directions / np.where(lengths > 0, lengths, 1.0) * radii[:, None] ** (1.0 / d)
    towards = surfaces - centers
    radius = np.sqrt(np.square(towards).sum(axis=1, keepdims=True))
    axis = towards / np.where(radius > 0, radius, 1.0)
    along = (unit * axis).sum(axis=1, keepdims=True)
    unit = np.where(np.abs(truncation - along) > 1, unit - 2 * along * axis, unit)
    along = (unit * axis).sum(axis=1, keepdims=True)
    unit = unit - deformation * (unit - along * axis)
    return centers + unit * radius, np.sqrt(np.square(unit).sum(axis=1))


def bandwidth(n: int, d: int) -> float:
    """Return the smoothing factor of a normal kernel for n rows of d numbers: what their deviations are multiplied by.

    References
    ----------
    Menardi, Torelli, "Training and assessing classification rules with imbalanced data", Data Mining and Knowledge
    Discovery 28, 2014.

    Examples
    --------
    >>> round(bandwidth(100, 2), 3)
    0.464
    """
    return float((4.0 / ((d + 2) * n)) ** (1.0 / (d + 4)))

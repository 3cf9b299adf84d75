"""Points around a row: in a ball, or by a normal step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def in_ball(
    centers: Floats, surfaces: Floats, directions: Floats, radii: Floats, *, truncation: float, deformation: float
) -> tuple[Floats, Floats]:
    """Return points in balls, as Geometric SMOTE draws them, and their distances from the centers in radii.

    Parameters
    ----------
    centers, surfaces : arrays of shape (n, d)
        Center of each ball, and a point on its surface.
    directions, radii : arrays of shape (n, d) and (n,)
        Normal numbers, and uniform ones in [0, 1): together a point of the unit ball.
    truncation : float
        From -1 to 1: the share of the half ball opposite the surface point (on its side, where negative) that is cut
        off; points there are mirrored.
    deformation : float
        From 0 to 1: how far points are moved towards the line through both points.

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
    """Return the smoothing factor of a normal kernel for n rows of d numbers: it multiplies their deviations.

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

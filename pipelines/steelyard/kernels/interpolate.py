"""Partners of rows, and the points between the two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.random import uniform


@dataclass(frozen=True)
class Draws:
    """One entry for each use of a row.

    Attributes
    ----------
    seed : array of intp
        Position of the row.
    replicate : array of int32
        The number of this use, from 1.
    place : array of intp
        The chosen neighbour: 0 is the nearest, -1 none.
    gap : array of float64
        Share of the way to the neighbour, in [0, 1).
    """

    seed: NDArray[np.intp]
    replicate: NDArray[np.int32]
    place: NDArray[np.intp]
    gap: NDArray[np.float64]


def between(a: NDArray[np.float64], b: NDArray[np.float64], gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points at `gap`, shape (n,), on the way from `a` to `b`, shapes (n, d); never beyond either."""
    with np.errstate(over="ignore", invalid="ignore"):
        way = a + gap[:, None] * (b - a)
    found: NDArray[np.float64] = np.fmin(np.maximum(way, np.minimum(a, b)), np.maximum(a, b))
    return found


def draw(
    ids: NDArray[np.int64], uses: NDArray[np.integer], choices: NDArray[np.integer], seed: int, purpose: str
) -> Draws:
    """Draw a neighbour and a gap for each use of each row: pure functions of its id, the seed and the purpose.

    `uses` is the number of new rows from each row, `choices` its number of neighbours.

    Examples
    --------
    >>> import numpy as np
    >>> draw(np.array([7, 9]), np.array([2, 1]), np.array([5, 5]), seed=0, purpose="doc").replicate.tolist()
    [1, 2, 1]
    """
    rows = np.repeat(np.arange(len(ids)), uses)
    first = np.repeat(np.cumsum(uses) - uses, uses)
    replicate = np.arange(len(rows)) - first + 1
    chance = uniform(ids[rows], seed, f"{purpose}/neighbor", replicate)
    place = np.floor(chance * choices[rows]).astype(np.intp)
    place[choices[rows] == 0] = -1
    return Draws(rows, replicate.astype(np.int32), place, uniform(ids[rows], seed, f"{purpose}/gap", replicate))

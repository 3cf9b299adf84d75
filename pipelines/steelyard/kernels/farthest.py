"""Distances to the farthest rows of a block, the same on every machine.

A matrix product proposes more candidates than asked for; their distances are recomputed, feature by feature, as in
`steelyard.kernels.knn`. Where rounding could have hidden a farther row, the query is compared with all rows.
Only distances are returned, not rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.distance import EUCLIDEAN, Distance
from steelyard.kernels.knn import first_of_equal

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

NOTHING = -np.inf
"""Fills a list with fewer rows than asked for."""

_SPARE = 8  # candidates beyond 2 k
_SLAB = 1 << 22  # products held at once
_RANKED = 1 << 19  # distances computed at once: they stay in the cache


def farthest(
    queries: Floats, index: Floats, k: int, *, distinct: bool = False, distance: Distance = EUCLIDEAN
) -> Floats:
    """Return the totals of each query to the k rows of `index` that are farthest from it, largest first: shape (n, k).

    A total is the square of the distance, or a Manhattan distance. `NOTHING` fills lists where `index` holds too few
    rows. If `distinct`, equal rows of `index` count once.
    """
    rows = index[first_of_equal(index)] if distinct and len(index) else index
    found = np.full((len(queries), k), NOTHING)
    if not len(rows):
        return found
    columns = np.ascontiguousarray(rows.T)
    left, count = np.arange(len(queries)), min(2 * k + _SPARE, len(rows))
    embedded = distance.embed(queries, rows) if count < len(rows) else None
    if embedded is not None:
        candidates, most = _proposed(*embedded, count)
        for part in _parts(left, _RANKED // count):
            found[part] = _largest(distance.totals(queries[part], columns, candidates[part]), k)
        left = np.flatnonzero(~(most <= found[:, -1] * (1 - 1e-12)))
    everyone = np.arange(len(rows))[None, :]
    for part in _parts(left, _RANKED // len(rows)):
        best = _largest(distance.totals(queries[part], columns, everyone), k)
        found[part, : best.shape[1]] = best
    return found


def _proposed(queries: Floats, index: Floats, count: int) -> tuple[Rows, Floats]:
    """Return positions of candidates, and an upper bound of the squared distances to all other rows.

    The rounding error of |x|² + |y|² - 2xy, centred and summed in any order, is below (d + 8) u (|x| + |y|)²; doubled.
    """
    centre = index.mean(axis=0)
    x, y = queries - centre, index - centre
    own, lengths = np.square(x).sum(axis=1), np.square(y).sum(axis=1)
    positions = np.empty((len(x), count), dtype=np.intp)
    reached = np.empty(len(x))
    for part in _parts(np.arange(len(x)), _SLAB // len(y)):
        slab = x[part] @ y.T
        slab *= -2
        slab += lengths
        best = np.argpartition(slab, len(y) - count, axis=1)[:, len(y) - count :]
        positions[part] = best
        reached[part] = np.take_along_axis(slab, best, axis=1).min(axis=1)
    reach = np.square(np.sqrt(own) + np.sqrt(lengths.max()))
    most: Floats = reached + own + (x.shape[1] + 8) * np.finfo(float).eps * reach
    return positions, most


def _largest(totals: Floats, k: int) -> Floats:
    ordered: Floats = np.sort(totals, axis=1)[:, ::-1][:, :k]
    return ordered


def _parts(rows: Rows, size: int) -> list[Rows]:
    step = max(size, 1)
    return [rows[i : i + step] for i in range(0, len(rows), step)]

"""The most frequent value of short lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mode_places(codes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return, for each list, the place of its most frequent value; among ties, of the first.

    Parameters
    ----------
    codes : array of int64, shape (n, k)
        Values; negative where a list has ended.

    Returns
    -------
    array of intp, shape (n,)
        0 for a list without values.

    Examples
    --------
    >>> import numpy as np
    >>> mode_places(np.array([[7, 3, 3], [5, 4, -1]])).tolist()
    [1, 0]
    """
    counts = np.zeros(codes.shape, dtype=np.int64)
    for column in codes.T:
        counts += codes == column[:, None]
    counts[codes < 0] = 0
    return counts.argmax(axis=1) if codes.shape[1] else np.zeros(len(codes), dtype=np.intp)


def voted_places(codes: NDArray[np.int64], chance: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return, for each list, the place of its most frequent value; ties are drawn at random.

    Parameters
    ----------
    codes : array of int64, shape (n, k)
        Values; negative where a list has ended.
    chance : array of float64, shape (n,)
        In [0, 1): which of the commonest values is taken.

    Examples
    --------
    >>> import numpy as np
    >>> voted_places(np.array([[5, 4, 4, 5]]), np.array([0.9])).tolist()
    [3]
    """
    counts = np.zeros(codes.shape, dtype=np.int64)
    for column in codes.T:
        counts += codes == column[:, None]
    counts[codes < 0] = 0
    # Each of the commonest values has the same number of places, so a place is drawn instead of a value.
    best = counts == counts.max(axis=1, keepdims=True)
    wanted = np.floor(chance * best.sum(axis=1)).astype(np.int64) + 1
    place: NDArray[np.intp] = (np.cumsum(best, axis=1) >= wanted[:, None]).argmax(axis=1)
    return place

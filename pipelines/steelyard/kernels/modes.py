"""The most frequent value of short lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mode_places(codes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the place of the most frequent value of each list: the first among ties, 0 without values.

    Values are not negative; negative codes, shape (n, k), fill short lists.

    Examples
    --------
    >>> import numpy as np
    >>> mode_places(np.array([[7, 3, 3], [5, 4, -1]])).tolist()
    [1, 0]
    """
    return _counts(codes).argmax(axis=1) if codes.shape[1] else np.zeros(len(codes), dtype=np.intp)


def voted_places(codes: NDArray[np.int64], chance: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the place of the most frequent value of each list; `chance`, in [0, 1), chooses among ties.

    Examples
    --------
    >>> import numpy as np
    >>> voted_places(np.array([[5, 4, 4, 5]]), np.array([0.9])).tolist()
    [3]
    """
    counts = _counts(codes)
    # Each of the most frequent values has the same number of places, so a place is drawn instead of a value.
    best = counts == counts.max(axis=1, keepdims=True)
    wanted = np.floor(chance * best.sum(axis=1)).astype(np.int64) + 1
    place: NDArray[np.intp] = (np.cumsum(best, axis=1) >= wanted[:, None]).argmax(axis=1)
    return place


def _counts(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each value occurs in its list; 0 for negative codes."""
    counts = np.zeros(codes.shape, dtype=np.int64)
    for column in codes.T:
        counts += codes == column[:, None]
    counts[codes < 0] = 0
    return counts

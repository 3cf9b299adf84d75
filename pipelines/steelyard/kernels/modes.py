"""The commonest value of short lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mode_places(codes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return, for each list, the place of its commonest value; of equally common ones, of the one that comes first.

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

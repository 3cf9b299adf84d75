"""How unequal the sizes of classes are, in one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.kernels.arrays import Floats


def imbalance_degree(counts: Sequence[int]) -> float:
    """Return the imbalance degree [1]_ by Hellinger's distance: 0 where all classes are equal, less than their number.

    Its whole part says how many classes beyond the first are minorities (less than their even share), its fraction how
    far the shares are from even, as part of the farthest that so many minorities allow.

    Parameters
    ----------
    counts : sequence of int
        Rows of each class, all more than 0.

    References
    ----------
    .. [1] Ortigosa-Hernández, Inza, Lozano, "Measuring the class-imbalance extent of multi-class problems", Pattern
       Recognition Letters 98, 2017.

    Examples
    --------
    >>> round(imbalance_degree([100, 50, 10]), 3)
    1.425
    """
    n = len(counts)
    minorities = sum(c * n < sum(counts) for c in counts)
    if not minorities:
        return 0.0
    even = np.full(n, 1 / n)
    farthest = np.array([0.0] * minorities + [1 / n] * (n - minorities - 1) + [(minorities + 1) / n])
    shares = np.array(counts) / sum(counts)
    return _hellinger(shares, even) / _hellinger(farthest, even) + minorities - 1


def likelihood_ratio(counts: Sequence[int]) -> float:
    """Return LRID [1]_: twice the log-likelihood ratio of the counts against even ones; grows with the rows.

    Parameters
    ----------
    counts : sequence of int
        Rows of each class, all more than 0.

    References
    ----------
    .. [1] Zhu, Guo, Xue, "LRID: a new metric of multi-class imbalance degree based on likelihood-ratio test", Pattern
       Recognition Letters 116, 2018.

    Examples
    --------
    >>> round(likelihood_ratio([100, 50, 10]), 3)
    85.788
    """
    n = np.array(counts, dtype=float)
    return float(2 * (n * np.log(len(n) * n / n.sum())).sum())


def _hellinger(p: Floats, q: Floats) -> float:
    return float(np.sqrt(np.square(np.sqrt(p) - np.sqrt(q)).sum() / 2))

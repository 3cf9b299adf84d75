"""The probability that a row equals another by chance, from how often thirds of its features occur."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats

COMBINATIONS = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
"""The combinations of thirds that are counted."""


def chance_of_twin(counts: NDArray[np.int64], total: int) -> Floats:
    """Return, for each row, the probability that at least one of `total` rows equals it by chance.

    `counts`, shape (rows, 7), holds the number of rows that equal the row in each of `COMBINATIONS`: n(ab) rows equal
    it in the thirds a and b of the features. The larger prediction of two models is the mean of a Poisson distribution:

    - The thirds are independent: n(a)·n(b)·n(c) / total². This predicts contents that are a large part of all rows.
    - Two thirds are independent given the other: n(ab)·n(ac) / n(a), for the third a with the largest prediction. This
      allows for dependent features. Rows that equal the row in all thirds are left out: copies would predict
      themselves.

    Coarse or few features give a large prediction, many fine values almost none.

    Examples
    --------
    A pair of copies among 10,000 rows; a content that 3,000 rows have; coarse features.

    >>> counts = np.array([[1] * 7, [3000] * 7, [300, 200, 200, 30, 20, 10, 1]])
    >>> chance_of_twin(counts, 10_000).round(3).tolist()
    [0.0, 1.0, 0.842]
    """
    a, b, c, ab, ac, bc, whole = counts.astype(np.float64).T
    independent = a * b * c / max(total, 1) ** 2
    outside = ((ab, ac, a), (ab, bc, b), (ac, bc, c))
    given = [(x - whole) * (y - whole) / np.maximum(z - whole, 1) for x, y, z in outside]
    return np.asarray(-np.expm1(-np.maximum.reduce([independent, *given])))

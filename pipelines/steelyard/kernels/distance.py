"""Distances between rows of numbers, summed feature by feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Name = Literal["euclidean", "manhattan", "vdm"]

LARGEST = 1e75
"""Largest size of a feature: squares of differences stay finite, also of numbers divided by 1 / LARGEST or more."""

_WIDEST = 1024  # numbers in an embedded row; categories beyond that are compared pair by pair


@dataclass(frozen=True)
class Distance:
    """A distance between rows whose last columns may be codes of categories.

    What is compared and returned is a *total* that grows with the distance: its square, but for "manhattan".

    Parameters
    ----------
    name : {"euclidean", "manhattan", "vdm"}, default "euclidean"
        ``"vdm"``: the Value Difference Metric [2]_ of categories that are given as their classes' shares, `classes`
        columns each: differences are added within a category, and squared among them.
    nominal : int, default 0
        How many of the last columns are codes: equal or not, whatever the numbers.
    penalty : float, default 1.0
        What two codes that differ add to the total: SMOTE-NC's Med² [1]_.
    classes : int, default 1
        Columns of a category, for "vdm".

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002, 6.1.
    .. [2] Cost, Salzberg, "A weighted nearest neighbor algorithm for learning with symbolic features", Machine
       Learning 10, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> mixed = Distance(nominal=1, penalty=4.0)
    >>> mixed.totals(np.array([[0.0, 7.0]]), np.array([[3.0], [8.0]]), np.array([[0]])).tolist()
    [[13.0]]
    """

    name: Name = "euclidean"
    nominal: int = 0
    penalty: float = 1.0
    classes: int = 1

    def totals(self, queries: Floats, columns: Floats, candidates: NDArray[np.intp]) -> Floats:
        """Return the totals of each query to its candidates.

        Summed feature by feature, so that a pair of rows gets the same number in whatever block it meets.

        Parameters
        ----------
        queries : array, shape (n, d)
        columns : array, shape (d, m)
            The index, a row for each feature.
        candidates : array of intp, shape (n, c) or (1, c)
            Positions in the index.
        """
        total = np.zeros((len(queries), candidates.shape[1]))
        numbers = len(columns) - self.nominal
        inside = np.zeros_like(total) if self.name == "vdm" else total
        for feature, column in enumerate(columns):
            step = queries[:, feature, None] - column[candidates]
            if feature >= numbers:
                total += np.where(step != 0, self.penalty, 0.0)
            elif self.name == "euclidean":
                total += step * step
            elif self.name == "manhattan":
                total += np.abs(step)
            else:
                inside += np.abs(step)
                if (feature + 1) % self.classes == 0:
                    total += inside * inside
                    inside[:] = 0.0
        return total

    def embed(self, queries: Floats, index: Floats) -> tuple[Floats, Floats] | None:
        """Return rows whose squared Euclidean distances are the totals, or None where no such rows are narrow.

        A category becomes a column of its own, √(penalty/2) where a row has it and 0 where not.
        """
        if self.name != "euclidean":
            return None
        if not self.nominal:
            return queries, index
        numbers = index.shape[1] - self.nominal
        parts = [np.concatenate([queries[:, :numbers], index[:, :numbers]])]
        width = numbers
        for code in range(numbers, index.shape[1]):
            values, place = np.unique(np.concatenate([queries[:, code], index[:, code]]), return_inverse=True)
            width += len(values)
            if width > _WIDEST:
                return None
            part = np.zeros((len(place), len(values)))
            part[np.arange(len(place)), place] = np.sqrt(self.penalty / 2)
            parts.append(part)
        both = np.concatenate(parts, axis=1)
        return both[: len(queries)], both[len(queries) :]


EUCLIDEAN = Distance()

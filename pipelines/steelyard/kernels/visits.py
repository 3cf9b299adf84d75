"""Candidate cells per query in a pruned search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Visits:
    """The cells whose rows are compared with each query.

    Attributes
    ----------
    queries : array of int, shape (n, p)
        Cells that each query visits.
    index : array of int, shape (m,)
        The cell of each row of the index.
    """

    queries: NDArray[np.int64]
    index: NDArray[np.int64]

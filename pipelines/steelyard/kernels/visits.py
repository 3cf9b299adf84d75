"""Which rows are compared with which, where not all are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Visits:
    """Which rows of the index a query is compared with: those of its cells.

    Attributes
    ----------
    queries : array of int, shape (n, p)
        Cells that each query visits.
    index : array of int, shape (m,)
        The cell of each row of the index.
    """

    queries: NDArray[np.int64]
    index: NDArray[np.int64]

"""Rows that SMOTE makes of one class inside a task."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors

from steelyard.kernels.arrays import Floats

Rows = NDArray[np.float32]


def with_synthetic(
    x: Rows, y: NDArray[Any], weight: Floats, seed: int, *, label: int, rows: int, k: int
) -> tuple[Rows, NDArray[Any], Floats]:
    """Add `rows` rows that SMOTE makes of the class `label` by `k` neighbours, with the class's mean weight.

    Rounds of boosting take all rows of the rarest class: their neighbours are searched in the first round only.
    """
    own = y == label
    known = _Known(_neighbors(_Class(np.ascontiguousarray(x[own])), k + 1))
    smote = SMOTE(sampling_strategy={label: int(own.sum()) + rows}, k_neighbors=known, random_state=seed)
    # SMOTE asks for two classes; it reads the rows of the other one's only to copy them.
    made, _ = smote.fit_resample(np.concatenate([x[own], x[~own]]), np.where(np.sort(~own), 1 - label, label))
    new = made[len(x) :].astype(np.float32)
    mean = weight[own].mean()
    return np.concatenate([x, new]), np.append(y, np.full(rows, float(label))), np.append(weight, np.full(rows, mean))


class _Class:
    """Rows that are equal if their bytes are."""

    def __init__(self, rows: Rows) -> None:
        self.rows, self.digest = rows, blake2b(rows.data, digest_size=16).digest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Class) and self.digest == other.digest and self.rows.shape == other.rows.shape


@lru_cache(maxsize=1)
def _neighbors(of: _Class, k: int) -> NDArray[np.int64]:
    """Return the indices of the nearest rows of each row, itself among them."""
    found: NDArray[np.int64] = NearestNeighbors(n_neighbors=k).fit(of.rows).kneighbors(of.rows, return_distance=False)
    return found


class _Known(BaseEstimator):  # type: ignore[misc]
    """Neighbours that are known, in the place of scikit-learn's search.

    imbalanced-learn requires that there is a `kneighbors_graph`, and SMOTE does not call it.
    """

    def __init__(self, neighbors: NDArray[np.int64]) -> None:
        self.neighbors = neighbors

    def fit(self, X: Any, y: Any = None) -> _Known:
        return self

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        return self.neighbors

    def kneighbors_graph(self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity") -> Any:
        raise NotImplementedError("only the neighbours of each row are known")

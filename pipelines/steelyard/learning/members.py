"""Train one member in the current process: what a task does with its rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.kernels.random import words
from steelyard.learning.local import LocalLearner, TaskModel

RESULT = pa.schema(
    [
        ("task", pa.int32()),
        ("model", pa.binary()),
        ("rows", pa.int64()),
        ("importances", pa.list_(pa.float64())),
    ]
)
"""What a task returns for each model."""


def fit_member(
    learner: LocalLearner,
    x: NDArray[np.float32],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    seed: int,
    synthetic: Mapping[str, int] | None = None,
) -> TaskModel:
    """Train a model in this process; `synthetic` as for `fit_tasks`."""
    if synthetic is not None:
        x, y, weight = _with_synthetic(x, y, weight, seed, **synthetic)
    model = learner.fit(x, y, sample_weight=weight, seed=seed)
    shares = learner.importances(model, x.shape[1])
    return TaskModel(model, len(y), None if shares is None else tuple(shares.tolist()))


def task_seed(seed: int, task: int) -> int:
    """Return a 31-bit seed of its own for each task."""
    return int(words([task], seed, "task")[0] >> np.uint64(33))


def _with_synthetic(
    x: NDArray[np.float32],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    seed: int,
    label: int,
    rows: int,
    k: int,
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Add rows that SMOTE makes of one class."""
    from imblearn.over_sampling import SMOTE

    own = y == label
    smote = SMOTE(sampling_strategy={label: int(own.sum()) + rows}, k_neighbors=k, random_state=seed)
    # SMOTE asks for two classes; it reads the rows of the other one's only to copy them.
    made, _ = smote.fit_resample(np.concatenate([x[own], x[~own]]), np.where(np.sort(~own), 1 - label, label))
    new = made[len(x) :].astype(np.float32)
    mean = weight[own].mean()
    return np.concatenate([x, new]), np.append(y, np.full(rows, float(label))), np.append(weight, np.full(rows, mean))

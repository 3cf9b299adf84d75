"""Train one member in the current process: what a task does with its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    y: NDArray[Any],
    weight: NDArray[np.float64],
    seed: int,
    synthetic: Mapping[str, int] | None = None,
) -> TaskModel:
    """Train a model in this process; `synthetic` as for `fit_tasks`."""
    if synthetic is not None:
        from steelyard.learning._synthetic import with_synthetic

        x, y, weight = with_synthetic(x, y, weight, seed, **synthetic)
    model = learner.fit(x, y, sample_weight=weight, seed=seed)
    shares = learner.importances(model, x.shape[1])
    return TaskModel(model, len(y), None if shares is None else tuple(shares.tolist()))


def task_seed(seed: int, task: int) -> int:
    """Return a 31-bit seed of its own for each task."""
    return int(words([task], seed, "task")[0] >> np.uint64(33))

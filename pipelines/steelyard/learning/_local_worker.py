"""The work of the tasks that train small models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.kernels.random import words
from steelyard.learning.local import LocalLearner

RESULT = pa.schema(
    [
        ("task", pa.int32()),
        ("model", pa.binary()),
        ("rows", pa.int64()),
        ("importances", pa.list_(pa.float64())),
    ]
)
_TASK, _FEATURES = 0, 2  # positions of columns


def train(
    batches: Iterable[pa.RecordBatch],
    *,
    learner: dict[str, Any],
    seed: int,
    synthetic: Mapping[str, int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Train one model for each task of a partition, whose rows come sorted by task.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Task, place, ``features``, ``label`` and ``weight``.
    learner : dict
        Fields of a `LocalLearner`.
    seed : int
    synthetic : mapping of str to int, optional
        As for `fit_tasks`.
    """
    local = LocalLearner(**learner)
    for task, parts in _by_task(batches):
        table = pa.Table.from_batches(parts)
        y, weight = (table.column(name).to_numpy() for name in ("label", "weight"))
        x = _matrix(table.column(_FEATURES), len(y))
        if synthetic is not None:
            x, y, weight = _with_synthetic(x, y, weight, task_seed(seed, task), **synthetic)
        model = local.fit(x, y, sample_weight=weight, seed=task_seed(seed, task))
        shares = local.importances(model, x.shape[1])
        row = {"task": task, "model": model, "rows": len(y), "importances": None if shares is None else shares.tolist()}
        yield pa.RecordBatch.from_pylist([row], schema=RESULT)


def task_seed(seed: int, task: int) -> int:
    """Return a 31-bit seed of its own for each task."""
    return int(words([task], seed, "task")[0] >> np.uint64(33))


def _by_task(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, list[pa.RecordBatch]]]:
    """Yield each task with its batches, one task at a time."""
    now, parts = -1, list[pa.RecordBatch]()
    for batch in batches:
        tasks = batch.column(_TASK).to_numpy()
        ends = [0, *(np.flatnonzero(np.diff(tasks)) + 1).tolist(), len(tasks)]
        for start, end in pairwise(ends):
            if start == end:
                continue
            if tasks[start] != now and parts:
                yield now, parts
                parts = []
            now = int(tasks[start])
            parts.append(batch.slice(start, end - start))
    if parts:
        yield now, parts


def _matrix(column: pa.ChunkedArray, rows: int) -> NDArray[np.float32]:
    """Return lists of equal length as a matrix, chunk by chunk: the only copy."""
    width = len(column[0])
    found, start = np.empty((rows, width), np.float32), 0
    for chunk in column.chunks:
        found[start : start + len(chunk)] = chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
        start += len(chunk)
    return found


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

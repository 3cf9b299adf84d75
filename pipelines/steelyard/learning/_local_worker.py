"""The work of the tasks that train small models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.learning.arrays import by_task, matrix
from steelyard.learning.local import LocalLearner
from steelyard.learning.members import RESULT, fit_member, task_seed

_PLACE, _FEATURES, _STRATUM, _POSITION = 1, 2, 5, 6  # positions of columns


def train(
    batches: Iterable[pa.RecordBatch],
    *,
    learner: dict[str, Any],
    seed: int,
    synthetic: Mapping[str, int] | None = None,
    take: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Train one model for each task of a partition, whose rows come sorted by task.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Task, place, ``features``, ``label`` and ``weight``; with `take` also stratum and position.
    learner : dict
        Fields of a `LocalLearner`.
    seed : int
    synthetic, take
        As for `fit_tasks`.
    """
    local = LocalLearner(**learner)
    for task, parts in by_task(batches):
        table = pa.Table.from_batches(parts)
        table, enough = (table, True) if take is None else _taken(table, take)
        if not enough:
            yield pa.RecordBatch.from_pylist([{"task": task, "model": b"", "rows": 0}], schema=RESULT)
            continue
        y, weight = (table.column(name).to_numpy() for name in ("label", "weight"))
        x = matrix(table.column(_FEATURES), len(y))
        member = fit_member(local, x, y, weight, task_seed(seed, task), synthetic)
        yield pa.RecordBatch.from_pylist([{"task": task, **vars(member)}], schema=RESULT)


def _taken(table: pa.Table, take: Sequence[int]) -> tuple[pa.Table, bool]:
    """Return the rows of each stratum with the smallest positions, and whether each stratum has enough rows."""
    place, stratum, position = (table.column(i).to_numpy() for i in (_PLACE, _STRATUM, _POSITION))
    chosen = smallest(place, stratum, position, take)
    kept = np.zeros(len(place), bool)
    kept[chosen] = True
    return table.filter(pa.array(kept)), len(chosen) == sum(take)


def smallest(
    place: NDArray[np.int64], stratum: NDArray[np.int32], position: NDArray[np.int64], take: Sequence[int]
) -> NDArray[np.int64]:
    """Return the indices of the rows of each stratum with the smallest positions, ascending.

    Parameters
    ----------
    place : array of int64
        Orders rows of one position.
    stratum : array of int32
        From 0 on.
    position : array of int64
    take : sequence of int
        Rows of each stratum.

    Examples
    --------
    >>> smallest(np.arange(4), np.array([0, 0, 0, 1]), np.array([5, 3, 4, 1]), [2, 1]).tolist()
    [1, 2, 3]
    """
    order = np.lexsort((place, position, stratum))
    starts = np.searchsorted(stratum[order], range(len(take)))
    ends = [*starts[1:], len(order)]
    of_each = zip(starts, ends, take, strict=True)
    return np.sort(np.concatenate([order[start : min(start + n, end)] for start, end, n in of_each]))

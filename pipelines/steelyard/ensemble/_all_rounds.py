"""All rounds of a sequential ensemble in one task, with the libraries of its learner."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.ensemble._array_rounds import ArrayRounds
from steelyard.ensemble._bags import UNIT
from steelyard.frames.workers import in_worker, one_thread
from steelyard.learning.local import TaskModel
from steelyard.learning.members import RESULT
from steelyard.learning.packed import matrix
from steelyard.learning.tasks import PLACE, TASK, one_task_each

if TYPE_CHECKING:
    from steelyard.ensemble.sequential import SequentialTrainer, Trained

_RESULT = pa.schema([*RESULT, ("facts", pa.string())])
_DDL = "task int, model binary, rows bigint, importances array<double>, facts string"


def run_rounds(
    trainer: SequentialTrainer,
    rows: DataFrame,
    counts: Mapping[str, int],
    kept: Mapping[str, int],
    bag: Mapping[str, int],
) -> Trained:
    """Return the members, their votes, and facts for the summary.

    Parameters
    ----------
    trainer : SequentialTrainer
    rows, counts, kept, bag
        As for `Rounds.start`.
    """
    placed = rows.select(F.lit(0).alias(TASK), F.col(UNIT).alias(PLACE), "label", "weight", "features")
    worker = in_worker(
        "steelyard.ensemble._all_rounds",
        "rounds_of_task",
        trainer=(type(trainer).__module__, type(trainer).__qualname__),
        params=trainer.params,
        seed=trainer.seed,
        back=[counts[c] / n for c, n in kept.items()],
        counts=dict(kept),
        bag={c: min(bag[c], n) for c, n in kept.items()},
    )
    found = {row["task"]: row for row in one_task_each(placed, 1).mapInArrow(worker, _DDL).collect()}
    votes, facts = json.loads(found[-1]["facts"])
    each = (found[i] for i in range(len(votes)))
    members = [TaskModel(bytes(m["model"]), m["rows"], m["importances"] and tuple(m["importances"])) for m in each]
    return members, votes, facts


def rounds_of_task(
    batches: Iterable[pa.RecordBatch],
    *,
    trainer: tuple[str, str],
    params: dict[str, Any],
    seed: int,
    back: list[float],
    counts: dict[str, int],
    bag: dict[str, int],
) -> Iterator[pa.RecordBatch]:
    """Yield the members in the order of the rounds, and a last row with votes and facts.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Task, place, ``label``, ``weight`` and ``features``, sorted by place.
    trainer : tuple of str
        Module and name of the class.
    params : dict
    seed : int
    back : list of float
        Factor on the weights of each label.
    counts, bag : dict of str to int
        As in `ArrayRounds`.
    """
    parts = [batch for batch in batches if batch.num_rows]
    if not parts:
        return
    made = getattr(importlib.import_module(trainer[0]), trainer[1])(params, seed=seed)
    rounds = ArrayRounds.start(_arrays(parts), back, counts, bag, made.learner, seed)
    with one_thread():
        members, votes, facts = made._run(rounds)
    for task, member in enumerate(members):
        yield pa.RecordBatch.from_pylist([{"task": task, **vars(member)}], schema=_RESULT)
    yield pa.RecordBatch.from_pylist([{"task": -1, "facts": json.dumps([votes, facts])}], schema=_RESULT)


def _arrays(parts: list[pa.RecordBatch]) -> dict[str, Any]:
    """Return the columns as arrays. Batches are released one by one."""
    found = {
        name: np.concatenate([part.column(i).to_numpy() for part in parts])
        for i, name in ((1, "unit"), (2, "label"), (3, "weight"))
    }
    first = matrix(parts[0].column(4))
    features, start = np.empty((len(found["unit"]), first.shape[1]), np.float32), 0
    del first
    parts.reverse()
    while parts:
        some = matrix(parts.pop().column(4))
        features[start : start + len(some)] = some
        start += len(some)
    return {**found, "label": found["label"].astype(np.int8), "features": features}

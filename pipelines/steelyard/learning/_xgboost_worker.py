"""The work of one XGBoost worker: collect the rows of its partition, join the other workers, train with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.learning._threads import xgb

RESULT = pa.schema([("booster", pa.binary()), ("log_loss", pa.list_(pa.float64()))])


@dataclass(frozen=True)
class Task:
    """The settings of all workers."""

    booster: dict[str, Any]  # XGBoost's own parameters
    rounds: int
    features: int  # their number
    patience: int | None = None  # rounds without improvement on the validation rows after which to stop
    start: bytes | None = None  # a booster as UBJ, to which trees are added
    categories: tuple[int, ...] = ()  # features that are codes of categories


@dataclass(frozen=True)
class Rows:
    """One worker's rows in memory."""

    features: NDArray[np.float32]
    label: NDArray[np.float32]
    weight: NDArray[np.float32]

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(self.features[chosen], self.label[chosen], self.weight[chosen])


def train_alone(batches: Iterator[pa.RecordBatch], **settings: Any) -> Iterator[pa.RecordBatch]:
    """Train on all rows in one task. `settings` are the fields of a `Task`."""
    task = Task(**settings)
    train, validation = collect(batches, task.features)
    with xgb.config_context(verbosity=0):
        yield _result(*train_booster(train, validation, task))


def train_together(batches: Iterator[pa.RecordBatch], **settings: Any) -> Iterator[pa.RecordBatch]:
    """Train together with the tasks of the other partitions of a barrier stage; the first one answers.

    `settings` are the fields of a `Task`.
    """
    from pyspark import BarrierTaskContext

    task = Task(**settings)
    context = BarrierTaskContext.get()
    train, validation = collect(batches, task.features)
    with xgb.config_context(verbosity=0), _joined(context):
        booster, losses = train_booster(train, validation, task)
    context.barrier()
    if context.partitionId() == 0:
        yield _result(booster, losses)


def _result(booster: bytes, losses: list[float]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"booster": booster, "log_loss": losses}], schema=RESULT)


def collect(batches: Iterator[pa.RecordBatch], features: int) -> tuple[Rows, Rows]:
    """Return training and validation rows of Arrow batches with columns features, label, weight and validation."""
    parts = [(_matrix(b, features), *(b.column(n).to_numpy(zero_copy_only=False) for n in _PLAIN)) for b in batches]
    if not parts:
        parts = [(np.empty((0, features), np.float32), np.empty(0), np.empty(0), np.empty(0, bool))]
    x, y, w, validation = (np.concatenate(p) for p in zip(*parts, strict=True))
    rows = Rows(x, y.astype(np.float32), w.astype(np.float32))
    return rows.where(~validation), rows.where(validation)


_PLAIN = ("label", "weight", "validation")


def _matrix(batch: pa.RecordBatch, features: int) -> NDArray[np.float32]:
    flat = batch.column("features").flatten().to_numpy(zero_copy_only=False)
    matrix: NDArray[np.float32] = flat.astype(np.float32, copy=False).reshape(-1, features)
    return matrix


def train_booster(train: Rows, validation: Rows, task: Task) -> tuple[bytes, list[float]]:
    """Train on one worker's rows, in step with the others where it has joined them.

    Return the booster as UBJ, cut back to its best round, and the log loss on the validation rows of all workers after
    each round; the latter is empty without early stopping.
    """
    dtrain = _matrix_of(train, task)
    evals = [(_matrix_of(validation, task, dtrain), "validation")] if task.patience else []
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        task.booster,
        dtrain,
        task.rounds,
        evals=evals,
        evals_result=history,
        early_stopping_rounds=task.patience,
        verbose_eval=False,
        xgb_model=None if task.start is None else bytearray(task.start),
    )
    if task.patience:
        booster = booster[: booster.best_iteration + 1]
    losses = next(iter(history.get("validation", {}).values()), [])
    return bytes(booster.save_raw("ubj")), [float(x) for x in losses]


def _matrix_of(rows: Rows, task: Task, reference: xgb.DMatrix | None = None) -> xgb.QuantileDMatrix:
    kinds = ["c" if i in task.categories else "q" for i in range(task.features)] if task.categories else None
    return xgb.QuantileDMatrix(
        rows.features,
        label=rows.label,
        weight=rows.weight,
        max_bin=task.booster["max_bin"],
        ref=reference,
        feature_types=kinds,
        enable_categorical=bool(task.categories),
        nthread=task.booster["nthread"],
    )


def _joined(context: Any) -> AbstractContextManager[Any]:
    """Return the scope in which this worker's XGBoost sums with the others': the first one runs their meeting point."""
    tasks = context.getTaskInfos()
    from xgboost.collective import CommunicatorContext

    first = context.partitionId() == 0
    meeting = _start_tracker(tasks[0].address, len(tasks)) if first else {}
    address = json.loads(context.allGather(json.dumps(meeting))[0])
    return _quietly(CommunicatorContext(**address, dmlc_task_id=str(context.partitionId())))


@contextmanager
def _quietly(scope: AbstractContextManager[Any]) -> Iterator[None]:
    """Enter a scope without the lines that XGBoost prints there at any verbosity."""
    with redirect_stdout(None):
        scope.__enter__()
    try:
        yield
    finally:
        scope.__exit__(None, None, None)


def _start_tracker(address: str, workers: int) -> dict[str, Any]:
    from xgboost.tracker import RabitTracker

    host = address.rpartition(":")[0].strip("[]")
    # Ranks follow the partitions, so that sums are taken in the same order each time.
    tracker = RabitTracker(n_workers=workers, host_ip=host, sortby="task")
    tracker.start()
    Thread(target=tracker.wait_for, daemon=True).start()
    return dict(tracker.worker_args())

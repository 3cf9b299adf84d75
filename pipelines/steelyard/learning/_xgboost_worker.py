"""The work of one XGBoost worker: collect the rows of its partition, join the other workers, train with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.kernels.losses import Focal
from steelyard.learning._threads import xgb
from steelyard.learning.arrays import ArrayModel, ArrayRows, by_task

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
    starts: tuple[float, ...] = ()  # of the margins; empty: XGBoost finds it
    focal: Mapping[str, Any] | None = None  # the fields of a `Focal`, in place of XGBoost's own objectives


@dataclass(frozen=True)
class Rows:
    """One worker's rows in memory."""

    features: NDArray[np.float32]
    label: NDArray[np.float32]
    weight: NDArray[np.float32]
    offset: NDArray[np.float64] | None = None  # of the margins

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        offset = None if self.offset is None else self.offset[chosen]
        return Rows(self.features[chosen], self.label[chosen], self.weight[chosen], offset)


def train_alone(batches: Iterator[pa.RecordBatch], **settings: Any) -> Iterator[pa.RecordBatch]:
    """Train on all rows in one task. `settings` are the fields of a `Task`."""
    task = Task(**settings)
    train, validation = collect(batches, task.features)
    with xgb.config_context(verbosity=0):
        yield _result(*train_booster(train, validation, task))


def train_each(batches: Iterator[pa.RecordBatch], *, tasks: Sequence[Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    """Train one booster for each task of a partition, one after the other. `tasks` are the fields of each `Task`."""
    for number, parts in by_task(batches):
        task = Task(**tasks[number])
        train, validation = collect(iter(parts), task.features)
        parts.clear()
        with xgb.config_context(verbosity=0):
            result = _result(*train_booster(train, validation, task))
        yield result.add_column(0, "task", pa.array([number], pa.int32()))


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
    """Return training and validation rows of Arrow batches (features, label, weight, validation, perhaps offset)."""
    parts = [(_matrix(b, features), *(_column(b, name) for name in _PLAIN)) for b in batches]
    if not parts:
        parts = [(np.empty((0, features), np.float32), *np.empty((2, 0)), np.empty(0, bool), np.empty(0))]
    x, y, w, validation, offset = (np.concatenate(p) for p in zip(*parts, strict=True))
    given = offset if len(offset) == len(y) else None
    rows = Rows(x, y.astype(np.float32), w.astype(np.float32), given)
    return rows.where(~validation), rows.where(validation)


_PLAIN = ("label", "weight", "validation", "offset")


def _column(batch: pa.RecordBatch, name: str) -> NDArray[Any]:
    if name == "offset" and name not in batch.schema.names:
        return np.empty(0)
    values: NDArray[Any] = batch.column(name).to_numpy(zero_copy_only=False)
    return values


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
    evals = [(_validation_matrix(validation, task, dtrain), "validation")] if task.patience else []
    history: dict[str, dict[str, list[float]]] = {}
    focal = Focal(**task.focal) if task.focal else None
    booster = xgb.train(
        task.booster,
        dtrain,
        task.rounds,
        evals=evals,
        evals_result=history,
        obj=None if focal is None else _gradients(focal),
        custom_metric=None if focal is None else _log_loss(focal),
        early_stopping_rounds=task.patience,
        verbose_eval=False,
        xgb_model=None if task.start is None else bytearray(task.start),
    )
    booster.set_param({"device": "cpu"})  # for what comes after, wherever it was trained
    if task.patience:
        booster = booster[: booster.best_iteration + 1]
    losses = next(iter(history.get("validation", {}).values()), [])
    return bytes(booster.save_raw("ubj")), [float(x) / (1 if focal is None else _PRECISION) for x in losses]


def train_on_arrays(train: ArrayRows, validation: ArrayRows, task: Task) -> ArrayModel:
    """Train on rows in memory, alone; validation rows have no offset."""
    nothing = None if train.offset is None else np.zeros(len(validation))
    own = Rows(_float32(train.features), _float32(train.label), _float32(train.weight), train.offset)
    judges = Rows(_float32(validation.features), _float32(validation.label), _float32(validation.weight), nothing)
    with xgb.config_context(verbosity=0):
        raw, _ = train_booster(own, judges, task)
        booster = xgb.Booster({"nthread": 1})
        booster.load_model(bytearray(raw))
        booster.set_param({"nthread": 1})
    focal = Focal(**task.focal) if task.focal else None

    def predict(features: NDArray[np.float32]) -> NDArray[np.float64]:
        margin = booster.inplace_predict(_float32(features), predict_type="margin", validate_features=False)
        z = margin.astype(np.float64) if focal is None else focal.log_odds(margin)
        several = margin.ndim == 2
        loss = np.logaddexp.reduce(z, axis=1, keepdims=True) - z if several else np.logaddexp(0, -z)
        found: NDArray[np.float64] = np.exp(-loss)
        return found

    return ArrayModel(predict, facts={"trees": booster.num_boosted_rounds()})


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, dtype=np.float32)


_PRECISION = 1e9  # XGBoost passes on six decimals of a metric of ours


def _gradients(focal: Focal) -> Callable[[Any, xgb.DMatrix], tuple[Any, Any]]:
    """Return XGBoost's objective: gradient and Hessian of each row, times its weight."""

    def derivatives(margin: Any, matrix: xgb.DMatrix) -> tuple[Any, Any]:
        gradient, hessian = focal.derivatives(margin, matrix.get_label())
        weight = matrix.get_weight()
        return (gradient * weight).astype(np.float32), (hessian * weight).astype(np.float32)

    return derivatives


def _log_loss(focal: Focal) -> Callable[[Any, xgb.DMatrix], tuple[str, float]]:
    """Return XGBoost's metric: the log loss of the probabilities that margins stand for, over all workers' rows."""

    def loss(margin: Any, matrix: xgb.DMatrix) -> tuple[str, float]:
        sign = np.where(matrix.get_label() > 0, 1.0, -1.0)
        weight = matrix.get_weight().astype(np.float64)
        sums = np.array([weight @ np.logaddexp(0, -sign * focal.log_odds(margin)), weight.sum()])
        total, size = xgb.collective.allreduce(sums, xgb.collective.Op.SUM)
        return "logloss", float(total / size) * _PRECISION if size > 0 else 0.0

    return loss


def _base_margin(rows: Rows, task: Task) -> NDArray[np.float64] | None:
    """Return where the margin of each row starts, None where XGBoost finds it."""
    if not task.starts:
        return None
    starts = np.tile(np.array(task.starts), (len(rows.label), 1))
    return starts if rows.offset is None else starts + rows.offset[:, None]


def _matrix_of(rows: Rows, task: Task, reference: xgb.DMatrix | None = None) -> xgb.QuantileDMatrix:
    kinds = ["c" if i in task.categories else "q" for i in range(task.features)] if task.categories else None
    return xgb.QuantileDMatrix(
        rows.features,
        label=rows.label,
        weight=rows.weight,
        base_margin=_base_margin(rows, task),
        max_bin=task.booster["max_bin"],
        ref=reference,
        feature_types=kinds,
        enable_categorical=bool(task.categories),
        nthread=task.booster["nthread"],
    )


def _validation_matrix(rows: Rows, task: Task, train: xgb.DMatrix) -> xgb.DMatrix:
    """Return the validation rows: each new tree scores them, in a third of the time that bins take.

    Splits are limits of bins, so the scores are the same, except for values far beyond those of the training rows: the
    last bin takes these for smaller ones, the model does not. Bins stay for codes, for trees that are continued, and on
    other devices.
    """
    if task.categories or task.start is not None or task.booster.get("device", "cpu") != "cpu":
        return _matrix_of(rows, task, train)
    margin, threads = _base_margin(rows, task), task.booster["nthread"]
    return xgb.DMatrix(rows.features, label=rows.label, weight=rows.weight, base_margin=margin, nthread=threads)


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

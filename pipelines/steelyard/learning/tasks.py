"""Many small models, one task each: a shuffle sends each task its rows, and the task trains a `LocalLearner`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import internal
from steelyard.errors import InputError
from steelyard.frames.workers import in_worker
from steelyard.learning.local import LocalLearner, TaskModel

TASK, PLACE, STRATUM, POSITION = (internal(n) for n in ("task", "place", "stratum", "position"))
RESULT = "task int, model binary, rows bigint, importances array<double>"


def fit_tasks(
    rows: DataFrame,
    learner: LocalLearner,
    *,
    tasks: int,
    seed: int = 0,
    synthetic: Mapping[str, int] | None = None,
    take: Sequence[int] | None = None,
) -> list[TaskModel]:
    """Train one model for each task, in one Spark stage.

    Costs one shuffle of the rows, and one crossing into Python. A stage has `spark.sql.shuffle.partitions` Spark tasks
    at most, which train several models one after the other. A task holds the rows of one model in memory twice.

    Parameters
    ----------
    rows : DataFrame
        `TASK` (int, from 0), `PLACE` (bigint: the order of the rows in their task, so that the model does not depend
        on their partitioning), and `features`, `label` and `weight` as in `TrainingData`. With `take` also `STRATUM`
        (int, from 0) and `POSITION` (bigint).
    learner : LocalLearner
    tasks : int
    seed : int, default 0
        Each task's own seed is drawn from it.
    synthetic : mapping of str to int, optional
        Rows that SMOTE adds in each task: ``rows`` of the class ``label``, by its ``k`` nearest neighbours, with the
        class's mean weight.
    take : sequence of int, optional
        Rows of each stratum that a task is trained on: those with the smallest positions. Where a stratum has too few,
        no model is trained, and the task's model is empty.

    Returns
    -------
    list of TaskModel
        One for each task.

    Raises
    ------
    InputError
        If a task has no rows.
    """
    wanted = rows.select(TASK, PLACE, "features", "label", "weight", *([] if take is None else [STRATUM, POSITION]))
    ordered = one_task_each(wanted, tasks)
    worker = in_worker(
        "steelyard.learning._local_worker",
        "train",
        learner=learner.to_json(),
        seed=seed,
        synthetic=synthetic,
        take=take,
    )
    found = {
        row["task"]: TaskModel(bytes(row["model"]), row["rows"], row["importances"] and tuple(row["importances"]))
        for row in ordered.mapInArrow(worker, RESULT).collect()
    }
    if len(found) < tasks:
        raise InputError(f"{tasks - len(found)} of {tasks} models have no training rows")
    return [found[i] for i in range(tasks)]


def one_task_each(rows: DataFrame, tasks: int) -> DataFrame:
    """Distribute rows by `TASK`, a partition each if there are enough, in an order that is that of any partitioning.

    Parameters
    ----------
    rows : DataFrame
        `TASK`, `PLACE`, then other columns, by which rows of equal place are ordered; `features` come last.
    tasks : int
    """
    parts = min(tasks, int(rows.sparkSession.conf.get("spark.sql.shuffle.partitions") or tasks))
    # Not by a hash of the number, which would give some partitions more tasks than others.
    by_id = getattr(rows, "repartitionById", None)
    spread: DataFrame = by_id(parts, F.col(TASK) % F.lit(parts)) if by_id is not None else rows.repartition(parts, TASK)
    others = [c for c in rows.columns if c not in (TASK, PLACE, STRATUM, POSITION, "features")]
    alone = tasks == 1 or (by_id is not None and parts == tasks)
    first = [PLACE] if alone else [TASK, PLACE]  # a constant in front makes the sort slow
    return spread.sortWithinPartitions(*first, *others, *(["features"] if "features" in rows.columns else []))

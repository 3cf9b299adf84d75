"""The assignment of rows to tasks: the whole table in one task, or one task per class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import of_key
from steelyard.errors import InputError
from steelyard.sampling.engine._task import TaskQuota

Sizes = Mapping[int, Mapping[int, int]]


@dataclass(frozen=True)
class ClassQuotas:
    """The requested rows. Classes are given by codes: their places in the order of the labels.

    Parameters
    ----------
    method : str
        For messages.
    counts : mapping of str to int
        Rows of each class, in the order of the labels.
    wanted : mapping of int to int
        Requested rows of classes, if different from their rows.
    cleaned : tuple of int
        Classes that may lose any number of rows.
    grows : bool
        Whether rows are added.
    enough : int
        New rows need more rows of their class than this.
    max_rows : int
        Largest number of rows in a task.
    """

    method: str
    counts: Mapping[str, int]
    wanted: Mapping[int, int]
    cleaned: tuple[int, ...]
    grows: bool
    enough: int
    max_rows: int

    @property
    def sizes(self) -> list[int]:
        """Rows of each class."""
        return list(self.counts.values())

    @property
    def codes(self) -> list[int]:
        """Classes to resample."""
        return list(self.wanted or self.cleaned)

    @property
    def total(self) -> int:
        """Rows of the table."""
        return sum(self.sizes)

    def rarest(self, without: int | None = None) -> int:
        """Return the class with the fewest rows; of equal ones the first."""
        return min((c for c in range(len(self.counts)) if c != without), key=self.sizes.__getitem__)

    def quota(self, code: int | None = None) -> TaskQuota:
        """Return the quota of a task for all classes, or for one class."""
        if not self.wanted:
            return list(self.cleaned) if code is None else [code]
        return dict(self.wanted) if code is None else {code: self.wanted[code]}


@dataclass(frozen=True)
class TaskAssignment:
    """The rows of `n` tasks: ``task`` (from 0), ``row_id``, ``code``, ``home``, ``x`` and ``c``.

    Tasks without a quota keep all rows. With cells, `sizes` are the rows of each class in each task.
    """

    rows: DataFrame
    n: int
    task_quotas: Mapping[int, TaskQuota]
    scope: str
    sizes: Sizes = field(default_factory=dict)


def check_size(quotas: ClassQuotas, scope: str) -> None:
    """Raise `InputError` if a task would get too many rows; the message names alternatives."""
    if scope == "cell" or not quotas.codes:
        return
    what, rows = "the whole table", quotas.total
    if scope == "class":
        largest = max(quotas.codes, key=lambda c: _both(quotas, c))
        what, rows = f"class {list(quotas.counts)[largest]!r} and the rarest other one", _both(quotas, largest)
    if rows > quotas.max_rows:
        raise InputError(
            f"{quotas.method} with scope={scope!r} gets {what} in one task: {rows:,} rows, and max_rows is "
            f"{quotas.max_rows:,}. Set scope='cell', which resamples cells of similar rows on their own; raise "
            "max_rows, if one executor has the memory and you the time; or take random_under_sampler first"
        )


def _both(quotas: ClassQuotas, code: int) -> int:
    return quotas.sizes[code] + quotas.sizes[quotas.rarest(without=code)]


def in_one_task(points: DataFrame, quotas: ClassQuotas) -> TaskAssignment:
    """Assign all rows to one task."""
    rows = points.select(F.lit(0).alias("task"), F.lit(True).alias("home"), "*")
    return TaskAssignment(rows, 1, {0: quotas.quota()}, "one_task")


def by_class(points: DataFrame, quotas: ClassQuotas) -> TaskAssignment:
    """Assign each class that is resampled, and the rarest other class, to a task."""
    tasks: dict[int, list[int]] = {}
    for task, code in enumerate(quotas.codes):
        for member in (code, quotas.rarest(without=code)):
            tasks.setdefault(member, []).append(task)
    inside = points.where(F.col("code").isin(list(tasks)))
    copies = inside.select("*", F.explode(of_key(tasks, F.col("code"), "array<int>")).alias("task"))
    own = F.element_at(F.lit(quotas.codes).cast("array<int>"), F.col("task") + 1)
    task_quotas = {task: quotas.quota(code) for task, code in enumerate(quotas.codes)}
    return TaskAssignment(
        copies.withColumn("home", own == F.col("code")),
        len(task_quotas),
        task_quotas,
        f"class: {len(task_quotas)} tasks",
    )

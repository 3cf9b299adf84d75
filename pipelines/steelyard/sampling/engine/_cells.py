"""Cells of similar rows: the assignment of rows to tasks if no task can hold the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, internal
from steelyard.errors import InputError
from steelyard.frames.caching import cached
from steelyard.frames.neighbors import centroids_of, with_cell
from steelyard.hashing import row_hash, sample_limit
from steelyard.kernels.allocate import largest_remainder
from steelyard.kernels.cells import Cells, packed
from steelyard.sampling.engine._scopes import ClassQuotas, Sizes, TaskAssignment
from steelyard.sampling.engine._task import TaskQuota
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space

_CELLS_A_TASK = 8  # cells that are packed into a task: enough to fill it, few enough to be alike
_MOST_CELLS = 1024
_SAMPLED = 16  # rows of the sample for each cell
_SAMPLE_VALUES = 1 << 22
_ALL = "all"
_POSITION = internal("position")

Floats = NDArray[np.float64]
Places = Sequence[tuple[int, int]]


def centroids(df: DataFrame, roles: Roles, space: Space, quotas: ClassQuotas) -> Floats:
    """Return the centres of cells, from a bounded hash sample of the rows; one centre if rows have no numbers.

    Costs one scan of the table.
    """
    if not space.n_numbers:
        return np.zeros((1, 0))
    n_cells = min(max(_CELLS_A_TASK * quotas.total // quotas.max_rows, 1), _MOST_CELLS)
    wanted = min(n_cells * _SAMPLED, _SAMPLE_VALUES // space.n_numbers)
    position = row_hash(df, {*roles.identity, *space.features.names}, 0, "cells of a sampler")
    last = F.lit(sample_limit(wanted, quotas.total)).cast("bigint")
    some = df.withColumn(_POSITION, position).where(F.col(_POSITION) <= last)
    rows = space.filled(some, class_text(df, roles.label))
    found = (
        rows.select(_POSITION, space.numbers(rows).alias("x")).groupBy(_POSITION).agg(F.min("x").alias("x")).toArrow()
    )
    if not len(found):
        return np.zeros((1, space.n_numbers))
    x = found["x"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, space.n_numbers)
    x = x[np.argsort(found[_POSITION].to_numpy(), kind="stable")]
    return centroids_of(x if space.scale is None else x / np.asarray(space.scale), n_cells)


@contextmanager
def by_cells(
    points: DataFrame, centres: Floats, scale: Sequence[float] | None, quotas: ClassQuotas
) -> Iterator[TaskAssignment]:
    """Assign rows to cells, and cells to tasks of at most `max_rows` rows.

    Each row belongs to the cell of the nearest centre. Neighbouring cells share a task; a cell that is too large for a
    task is cut by hashes of its rows. If rows are removed, each task gets all rows of the rarest class, provided that
    they fill at most half of it: other rows are compared with them. Rows are cached while the assignment is used.
    """
    named = points.withColumn("within", F.lit(_ALL))
    n = centres.shape[1]
    located = with_cell(named, {_ALL: Cells(centres, 1)}, n, scale) if n else named.withColumn("cell", F.lit(0))
    with cached(located.select(*points.columns, "cell")) as kept:
        guest = _guest(quotas)
        places = _places(kept, len(centres), guest, quotas)
        own = _task(places)
        n = max(last for _, last in places) + 1
        everywhere = F.sequence(F.lit(0), F.lit(n - 1))
        tasks = F.array(own) if guest is None else F.when(F.col("code") == guest, everywhere).otherwise(F.array(own))
        rows = kept.select("*", F.explode(tasks).alias("task")).withColumn("home", F.col("task") == own)
        sizes = _sizes(kept, own)
        if guest is not None:
            sizes = {t: {**sizes.get(t, {}), guest: quotas.sizes[guest]} for t in range(n)}
        yield TaskAssignment(rows, n, task_quotas(sizes, quotas), f"cell: {n} cells", sizes)


def _guest(quotas: ClassQuotas) -> int | None:
    """Return the class whose rows go into every task."""
    rarest = quotas.rarest()
    few = quotas.sizes[rarest] <= quotas.max_rows // 2
    return rarest if few and not quotas.grows and rarest not in quotas.codes else None


def _places(kept: DataFrame, n_cells: int, guest: int | None, quotas: ClassQuotas) -> Places:
    """Return the first and the last task of each cell: no task gets more than `max_rows` rows."""
    capacity = quotas.max_rows - (0 if guest is None else quotas.sizes[guest])
    others = kept if guest is None else kept.where(F.col("code") != guest)
    counted = {r["cell"]: r["count"] for r in others.groupBy("cell").count().collect()}
    sizes = [counted.get(c, 0) for c in range(n_cells)]
    pieces = [max(-(-size // capacity), 1) for size in sizes]
    while True:
        places = packed(sizes, capacity, pieces)
        cut = [c for c, (first, last) in enumerate(places) if last > first]
        if not cut:
            return places
        task = _task(places)
        found = others.where(F.col("cell").isin(cut)).groupBy("cell", task.alias("task")).count().collect()
        # Hashes divide a cell nearly evenly, not exactly.
        full = {r["cell"] for r in found if r["count"] > capacity}
        if not full:
            return places
        pieces = [n + (c in full) for c, n in enumerate(pieces)]


def _task(places: Places) -> Column:
    def of_cell(values: list[int]) -> Column:
        return F.element_at(F.lit(values).cast("array<int>"), F.col("cell") + 1)

    pieces = of_cell([last - first + 1 for first, last in places])
    return (of_cell([first for first, _ in places]) + F.pmod(F.xxhash64("row_id"), pieces)).cast("int")


def _sizes(kept: DataFrame, task: Column) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    for r in kept.groupBy(task.alias("task"), "code").count().collect():
        found.setdefault(r["task"], {})[r["code"]] = r["count"]
    return {t: dict(sorted(of.items())) for t, of in sorted(found.items())}


def task_quotas(sizes: Sizes, quotas: ClassQuotas, failed: Mapping[int, str] | None = None) -> dict[int, TaskQuota]:
    """Return the quota of each task; the counts add up to the class quotas.

    New rows are divided among the tasks with more than enough rows of the class and some of another, in proportion to
    their rows of the class; kept rows among all tasks with rows of the class. Tasks that failed get no share. Raises
    `InputError` if no task can make rows of a class.
    """
    if not quotas.wanted:
        found = {t: [c for c in quotas.cleaned if c in of] for t, of in sizes.items() if len(of) > 1}
        return {t: classes for t, classes in found.items() if classes}
    by_task: dict[int, dict[int, int]] = {}
    for code, wanted in quotas.wanted.items():
        tasks = [t for t, of in sizes.items() if of.get(code) and t not in (failed or {})]
        if quotas.grows:
            tasks = [t for t in tasks if sizes[t][code] > quotas.enough and len(sizes[t]) > 1]
            _check_any(tasks, code, sizes, quotas, failed or {})
        rows = [sizes[t][code] for t in tasks]
        parts = largest_remainder(rows, wanted - quotas.sizes[code] if quotas.grows else wanted)
        for task, before, part in zip(tasks, rows, parts, strict=True):
            after = before + part if quotas.grows else part
            if after != before:
                by_task.setdefault(task, {})[code] = after
    return dict(by_task)


def _check_any(tasks: list[int], code: int, sizes: Sizes, quotas: ClassQuotas, failed: Mapping[int, str]) -> None:
    if tasks:
        return
    name = list(quotas.counts)[code]
    if failed:
        raise InputError(
            f"{quotas.method} failed in every cell that holds enough rows of class {name!r}; imbalanced-learn says: "
            f"{next(iter(failed.values()))}"
        )
    most = max(of.get(code, 0) for of in sizes.values())
    raise InputError(
        f"{quotas.method} needs a cell with more than {quotas.enough} rows of class {name!r} and some of another, and "
        f"none of {len(sizes)} cells has them (the most is {most}): raise max_rows, so that cells are larger, or take "
        "scope='class'"
    )

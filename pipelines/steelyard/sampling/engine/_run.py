"""Run the tasks, and convert their results to rows with the columns of the table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.errors import EngineError, InputError
from steelyard.frames.caching import checkpointed
from steelyard.frames.tasks import in_tasks
from steelyard.frames.workers import in_worker
from steelyard.sampling.applying import IS_SYNTHETIC
from steelyard.sampling.domain import within_domain
from steelyard.sampling.engine._scopes import ClassQuotas, TaskAssignment
from steelyard.sampling.engine._task import DROPPED, NEW, SCHEMA, STATUS, TaskQuota
from steelyard.sampling.features import is_number, placed
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space

_TASK = "steelyard.sampling.engine._task"
_EXACT_DIGITS = 15  # of a double


@dataclass(frozen=True)
class EngineResult:
    """The checkpointed results of tasks: counts of dropped and new rows by class, failures by task, warnings."""

    rows: DataFrame
    lost: Mapping[int, int]
    new: Mapping[int, int]
    failures: Mapping[int, str]
    warnings: tuple[str, ...]

    @property
    def dropped(self) -> DataFrame:
        """Ids of rows that are dropped, with their classes."""
        return self.rows.where(F.col("kind") == DROPPED).select("row_id", "code")

    @property
    def made(self) -> DataFrame:
        """New rows."""
        return self.rows.where(F.col("kind") == NEW).select("code", "x", "c")


def run(assignment: TaskAssignment, task_quotas: Mapping[int, TaskQuota], settings: Mapping[str, Any]) -> EngineResult:
    """Run all tasks now. Raises `EngineError` if executors lack a module that the sampler needs."""
    task = in_worker(_TASK, "resample", task_quotas=dict(task_quotas), **settings)
    columns = assignment.rows.select("task", "row_id", "code", "home", "x", "c")
    rows = checkpointed(in_tasks(columns, F.col("task"), assignment.n, task, SCHEMA))
    counts = rows.where(F.col("kind") != STATUS).groupBy("kind", "code").count().collect()
    statuses = rows.where(F.col("kind") == STATUS).select("task", "status").collect()
    answers = {r["task"]: json.loads(r["status"]) for r in sorted(statuses, key=lambda r: r["task"])}
    missing = next((s["missing"] for s in answers.values() if s["missing"]), None)
    if missing is not None:
        raise EngineError(
            f"the Python of a Spark executor has no {missing}, which the sampler needs: install it there "
            "(imblearn is the package imbalanced-learn)"
        )
    return EngineResult(
        rows,
        {r["code"]: r["count"] for r in counts if r["kind"] == DROPPED},
        {r["code"]: r["count"] for r in counts if r["kind"] == NEW},
        {t: s["failure"] for t, s in answers.items() if s["failure"]},
        tuple(dict.fromkeys(w for s in answers.values() for w in s["warnings"])),
    )


def check_counts(found: EngineResult, quotas: ClassQuotas) -> None:
    """Raise `InputError` with both numbers if a class has another number of rows than requested."""
    names = list(quotas.counts)
    for code, wanted in quotas.wanted.items():
        after = quotas.sizes[code] - found.lost.get(code, 0) + found.new.get(code, 0)
        if after != wanted:
            raise InputError(
                f"{quotas.method} was asked for {wanted:,} rows of class {names[code]!r}, and imbalanced-learn gave "
                f"{after:,}: ask for that many, or use another method"
            )


def made_rows(new: DataFrame, table: DataFrame, roles: Roles, space: Space, classes: Sequence[str]) -> DataFrame:
    """Return new rows with the table's columns and `is_synthetic`; columns other than label and features are null.

    `new` has ``code``, ``x`` and ``c``, as tasks return them; `classes` are by code. Reads the table once more if a
    feature has more digits than a double, for its bounds. Rows obey the domain in `roles`.
    """
    values = _features(table, space)
    for name, (low, high) in _bounds(table, roles.label, space, classes).items():
        values[name] = F.least(F.greatest(values[name], low), high)
    labels = F.element_at(F.lit(list(classes)).cast("array<string>"), F.col("code") + 1)
    values[roles.label] = labels.cast(dtype(table, roles.label))
    columns = [
        values.get(f.name, F.lit(None)).cast(f.dataType).alias(f.name)
        for f in table.schema.fields
        if f.name != IS_SYNTHETIC
    ]
    return within_domain(new.select(*columns, F.lit(True).alias(IS_SYNTHETIC)), roles.domain)


def _features(table: DataFrame, space: Space) -> dict[str, Column]:
    found, start = {}, 1
    for name in space.features.numbers:
        kind, width = dtype(table, name), space.widths[name]
        part = F.element_at("x", start) if is_number(kind) else F.slice("x", start, width)
        found[name], start = placed(kind, part), start + width
    for i, name in enumerate(space.features.categories, 1):
        found[name] = F.element_at("c", i).cast(dtype(table, name))
    return found


def _bounds(table: DataFrame, label: str, space: Space, classes: Sequence[str]) -> dict[str, tuple[Column, Column]]:
    """Return the least and the greatest value in the class, of features with more digits than a double."""
    kinds = {f: dtype(table, f) for f in space.features.numbers}
    wide = [
        f
        for f, kind in kinds.items()
        if isinstance(kind, T.LongType) or (isinstance(kind, T.DecimalType) and kind.precision > _EXACT_DIGITS)
    ]
    if not wide:
        return {}
    measures = [of(col(f)).alias(f"{n}{i}") for i, f in enumerate(wide) for n, of in (("low", F.min), ("high", F.max))]
    rows = table.groupBy(class_text(table, label).alias("class")).agg(*measures).collect()
    by_class = {r["class"]: r for r in rows}

    def of_class(name: str, kind: T.DataType) -> Column:
        values: list[Any] = [by_class[c][name] for c in classes]
        return F.element_at(F.array(*[F.lit(v).cast(kind) for v in values]), F.col("code") + 1)

    return {f: (of_class(f"low{i}", kinds[f]), of_class(f"high{i}", kinds[f])) for i, f in enumerate(wide)}

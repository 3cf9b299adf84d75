"""Run the tasks and read their results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import EngineError, InputError
from steelyard.frames.caching import checkpointed
from steelyard.frames.tasks import in_tasks
from steelyard.frames.workers import in_worker
from steelyard.sampling.engine._scopes import ClassQuotas, TaskAssignment
from steelyard.sampling.engine._task import DROPPED, NEW, SCHEMA, STATUS, TaskQuota

_TASK = "steelyard.sampling.engine._task"


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

"""Running the tasks, and reading what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import EngineError, InputError
from steelyard.frames.caching import held
from steelyard.frames.tasks import in_tasks
from steelyard.frames.workers import in_worker
from steelyard.sampling._engine._scopes import Deal, Demand
from steelyard.sampling._engine._task import DROPPED, NEW, SCHEMA, STATUS, Order

_TASK = "steelyard.sampling._engine._task"


@dataclass(frozen=True)
class Found:
    """What tasks have returned, computed and held.

    Parameters
    ----------
    rows : DataFrame
    lost, new : mapping of int to int
        Rows of each class that are dropped, and made.
    failures : mapping of int to str
        What went wrong, by task.
    warnings : tuple of str
    """

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


def run(deal: Deal, orders: Mapping[int, Order], settings: Mapping[str, Any]) -> Found:
    """Run all tasks now.

    Raises
    ------
    EngineError
        If executors lack what the sampler is made of.
    """
    task = in_worker(_TASK, "resample", orders={t: _plain(o) for t, o in orders.items()}, **settings)
    columns = deal.rows.select("task", "row_id", "code", "home", "x", "c")
    rows = held(in_tasks(columns, F.col("task"), deal.n, task, SCHEMA))
    counts = rows.where(F.col("kind") != STATUS).groupBy("kind", "code").count().collect()
    told = rows.where(F.col("kind") == STATUS).select("task", "said").collect()
    said = {r["task"]: json.loads(r["said"]) for r in sorted(told, key=lambda r: r["task"])}
    missing = next((s["missing"] for s in said.values() if s["missing"]), None)
    if missing is not None:
        raise EngineError(
            f"the Python of a Spark executor has no {missing}, which the sampler needs: install it there "
            "(imblearn is the package imbalanced-learn)"
        )
    return Found(
        rows,
        {r["code"]: r["count"] for r in counts if r["kind"] == DROPPED},
        {r["code"]: r["count"] for r in counts if r["kind"] == NEW},
        {t: s["failure"] for t, s in said.items() if s["failure"]},
        tuple(dict.fromkeys(w for s in said.values() for w in s["warnings"])),
    )


def _plain(order: Order) -> Order:
    return {int(c): int(n) for c, n in order.items()} if isinstance(order, Mapping) else [int(c) for c in order]


def check_counts(found: Found, demand: Demand) -> None:
    """Check that every class has the rows that were asked for.

    Raises
    ------
    InputError
        With both numbers.
    """
    names = list(demand.counts)
    for code, wanted in demand.wanted.items():
        after = demand.sizes[code] - found.lost.get(code, 0) + found.new.get(code, 0)
        if after != wanted:
            raise InputError(
                f"{demand.method} was asked for {wanted:,} rows of class {names[code]!r}, and imbalanced-learn gave "
                f"{after:,}: ask for that many, or use another method"
            )

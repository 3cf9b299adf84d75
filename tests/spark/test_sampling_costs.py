"""What a plan says that a resampling costs is what Spark executes: readings of the table, shuffles of rows, Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from noise_parameters import ON_NOISE, TWO_CLASSES

from steelyard.frames.workers import check_workers_once
from steelyard.sampling import apply_plan, sampler_class, sampler_names
from steelyard.testing._making import sampler_of
from steelyard.testing._tables import ROLES, sample_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, ON_NOISE.get(name, {})) for name in sampler_names() if name not in TWO_CLASSES),
    ("borderline_smote", {"kind": "borderline-2"}),
    ("geometric_smote", {"selection_strategy": "minority"}),
    ("geometric_smote", {"selection_strategy": "majority"}),
    ("near_miss", {"version": 2}),
    ("near_miss", {"version": 3}),
    ("polynom_fit_smote", {"topology": "bus"}),
    ("polynom_fit_smote", {"topology": "mesh"}),
    ("random_over_sampler", {"shrinkage": 0.5}),
    ("smote", {"scale": "standard"}),
    ("smote", {"missing": "impute", "provenance": True}),
    ("tomek_links", {"scale": "robust"}),
]


class Executed:
    """What Spark has executed since: nodes of physical plans, each once although several actions share it."""

    def __init__(self, spark: SparkSession) -> None:
        self.store = spark._jsparkSession.sharedState().statusStore()  # type: ignore[attr-defined]
        self.last = max(self._ids(), default=-1)

    def nodes(self) -> list[tuple[str, str]]:
        """Return the names of nodes, each with the name of what it takes its rows from."""
        seen = {}
        for execution in (i for i in self._ids() if i > self.last):
            graph = self.store.planGraph(execution)
            nodes = list(_items(graph.allNodes()))
            names = {n.id(): n.name() for n in nodes}
            below = {edge.toId(): names[edge.fromId()] for edge in _items(graph.edges())}
            for n in nodes:
                counters = tuple(m.accumulatorId() for m in _items(n.metrics()))
                seen[counters or (execution, n.id())] = (n.name(), below.get(n.id(), ""))
        return list(seen.values())

    def _ids(self) -> list[int]:
        return [e.executionId() for e in _items(self.store.executionsList())]


def _items(seq: Any) -> Iterator[Any]:
    return (seq.apply(i) for i in range(seq.size()))


@pytest.fixture(scope="module")
def table(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """A table in a file, as large ones are, in a session whose workers have been asked what they have."""
    path = str(tmp_path_factory.mktemp("costs") / "table")
    sample_table(spark).write.parquet(path)
    check_workers_once(spark)
    return spark.read.parquet(path)


@pytest.mark.long
@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_the_plan_says_what_is_executed(
    spark: SparkSession, table: DataFrame, name: str, params: dict[str, Any]
) -> None:
    says_what_is_executed(spark, table, name, params)


@pytest.mark.long
@pytest.mark.parametrize("search", ["auto", "cells"])
def test_so_it_does_of_large_classes(
    spark: SparkSession, table: DataFrame, search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.frames.neighbors._cells.AFFORDABLE", 1.0)
    says_what_is_executed(spark, table, "smote", {"search": search})


def says_what_is_executed(spark: SparkSession, df: DataFrame, name: str, params: dict[str, Any]) -> None:
    broadcasts = str(spark.conf.get("spark.sql.autoBroadcastJoinThreshold"))
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")  # as a large table is joined
    try:
        executed = Executed(spark)
        made = sampler_of(sampler_class(name), **ROLES, **params).resample(df)
        result = apply_plan(df, made.plan, made.synthetic, made.dropped)
        result.write.format("noop").mode("overwrite").save()
    finally:
        spark.conf.set("spark.sql.autoBroadcastJoinThreshold", broadcasts)
    nodes, work = executed.nodes(), made.plan.work
    # Of an aggregation, a summary is shuffled, and not rows.
    shuffles = [below for what, below in nodes if what == "Exchange" and "Aggregate" not in below]
    assert {
        "scans": sum(what.startswith("Scan parquet") for what, _ in nodes),
        "shuffles": len(shuffles),
        "python": sum("InArrow" in what for what, _ in nodes),
    } == {"scans": work.scans, "shuffles": work.shuffles, "python": work.python}

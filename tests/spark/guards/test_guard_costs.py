"""What guards cost Spark: actions, scans and jobs are counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from guard_cases import PARAMETERS, copies_in_test, where
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from spark_actions import latest_action, nodes_of

from steelyard.errors import InputError
from steelyard.guards import run_guard

pytestmark = pytest.mark.classic


@contextmanager
def counted(spark: SparkSession) -> Iterator[dict[str, int]]:
    """Count the actions, the scans of Parquet files and the Spark jobs of a block."""
    before = latest_action(spark)
    group = f"guard {before}"
    spark.sparkContext.setJobGroup(group, "a guard")
    found: dict[str, int] = {}
    try:
        yield found
    finally:
        actions = range(before + 1, latest_action(spark) + 1)
        found["actions"] = len(actions)
        nodes = [name for action in actions for name in nodes_of(spark, action)]
        found["scans"] = sum(name.startswith("Scan parquet") for name in nodes)
        found["jobs"] = len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("checkpoint", ["raw", "split", "resampled", "scored"])
def test_a_sound_table_passes_in_one_scan(
    spark: SparkSession, tables: dict[str, DataFrame], tmp_path: Path, checkpoint: str
) -> None:
    tables[checkpoint].write.parquet(str(tmp_path / "table"))
    table = spark.read.parquet(str(tmp_path / "table"))
    persisted = spark.sparkContext._jsc.getPersistentRDDs().size()
    with counted(spark) as cost:
        report = run_guard(checkpoint, f"{checkpoint}.json", table, PARAMETERS[checkpoint], str(tmp_path))
    assert report.success, report.summary()
    assert not report.failures()
    assert not report.left_out
    texts = checkpoint == "split"  # Spark formats the times of the splits: of a few local rows
    assert (cost["actions"], cost["scans"]) == (1 + texts, 1)
    assert cost["jobs"] <= 5
    assert spark.sparkContext._jsc.getPersistentRDDs().size() <= persisted  # older ones may be cleaned up meanwhile
    assert report.docs == (tmp_path / "index.html").as_uri()
    assert (tmp_path / "index.html").is_file()
    assert (tmp_path / "expectations" / f"{checkpoint}.html").is_file()
    assert json.loads(json.dumps(report.to_json()))["checkpoint"] == checkpoint


def test_what_chance_gives_costs_two_more_scans_where_rows_are_the_same(
    spark: SparkSession, tables: dict[str, DataFrame], tmp_path: Path
) -> None:
    copies_in_test(tables["split"]).write.parquet(str(tmp_path / "table"))
    table = spark.read.parquet(str(tmp_path / "table"))
    with counted(spark) as cost:
        report = run_guard("split", "split", table, PARAMETERS["split"])
    assert [r.expectation for r in report.failures()] == ["expect_no_near_duplicates_across_splits"]
    assert cost["scans"] == 3


def test_keys_are_few_and_asked_for(spark: SparkSession, tables: dict[str, DataFrame]) -> None:
    corrupted = where("id < 50", "y", None)(tables["raw"])
    given = {**PARAMETERS["raw"], "reference": None}
    with counted(spark) as cost:
        failed = run_guard("raw", "raw", corrupted, given).failures()[0]
    assert (failed.keys, failed.quarantine, cost["actions"]) == ([], None, 1)
    failed = run_guard("raw", "raw", corrupted, given, key=["id", "kind"]).failures()[0]
    assert len(failed.keys) == 20 and failed.keys[1] == {"id": "1", "kind": "shop"}
    assert failed.message.endswith("id = 4, kind = web; …)")


def test_slices(spark: SparkSession, tables: dict[str, DataFrame], own_suite: Callable[..., str]) -> None:
    kwargs = {"column": "y", "slice_column": "kind", "reference": {"n": 1000, "p": 200}, "max_change": 0.5}
    suite = own_suite(
        {"type": "expect_label_distribution_to_match", "kwargs": kwargs},
        {"type": "expect_no_null_labels", "kwargs": {"column": "y"}},
    )
    with counted(spark) as cost:
        assert run_guard("raw", suite, tables["raw"], {}).success
    assert cost["actions"] == 1
    skewed = tables["raw"].withColumn("kind", F.when(F.col("y") == "p", "web").otherwise(F.col("kind")))
    skewed = skewed.unionByName(skewed.where("kind = 'shop'")).unionByName(skewed.where("kind = 'shop'"))
    (failed,) = run_guard("raw", suite, skewed, {}).failures()
    assert "differ in 1 of 2 slices by 'kind'" in failed.message
    assert "class 'p' in slice 'shop' has 0 of 150 rows (0 %) instead of 16.67 % (gone" in failed.message
    narrow = own_suite({"type": "expect_label_distribution_to_match", "kwargs": {**kwargs, "max_slices": 1}})
    with pytest.raises(InputError, match="2 slices, more than max_slices"):
        run_guard("raw", narrow, tables["raw"], {})

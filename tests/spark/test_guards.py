"""Guards for real: Great Expectations on a Spark DataFrame, one artifact corrupted at a time."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.errors import ConfigError, EngineError, GuardError, InputError
from steelyard.guards import check_suite, run_guard, suggest_suite
from steelyard.guards._aggregates import count_cells
from steelyard.guards._counts import ScoreCounts, SharedKeys, TimeRange
from steelyard.guards._judge_splits import quotas
from steelyard.guards._needs import parts_by_split, same_rows
from steelyard.guards._same_rows import find_overlaps, rounded
from steelyard.splitting._plan import wanted_counts

SHARES = {"validation": 0.1, "test": 0.2}
ON_Y = {"kwargs": {"column": "y"}}
SECRET = 876543.21  # a value of one row, which no page may show
NASTY = "<script>alert('$x')</script> & \"ü\""

PARAMETERS: dict[str, dict[str, Any]] = {
    "raw": {"label": "y", "classes": ["n", "p"], "reference": {"n": 1000, "p": 200}},
    "split": {
        "label": "y",
        "shares": SHARES,
        "key": ["id"],
        "group": ["customer"],
        "time": "at",
        "features": ["x", "amount", "kind"],
    },
    "resampled": {
        "label": "y",
        "counts": {"n": 70, "p": 70},
        "features": ["x", "amount"],
        "categories": ["kind"],
        "compared": ["x", "amount", "kind"],
    },
    "scored": {"label": "y", "classes": ["n", "p"], "positive": "p"},
}


class Case(NamedTuple):
    """A corruption of a sound table, and the one expectation that must fail."""

    name: str
    suite: str
    corrupt: Callable[[DataFrame], DataFrame]
    expectation: str
    words: tuple[str, ...]
    parameters: Mapping[str, Any] = {}


def where(condition: str, column: str, value: Any) -> Callable[[DataFrame], DataFrame]:
    """Replace a column's values in some rows."""

    def corrupt(df: DataFrame) -> DataFrame:
        replaced = F.when(F.expr(condition), F.lit(value)).otherwise(F.col(column))
        return df.withColumn(column, replaced.cast(df.schema[column].dataType))

    return corrupt


def both(*steps: Callable[[DataFrame], DataFrame]) -> Callable[[DataFrame], DataFrame]:
    """Corrupt twice."""

    def corrupt(df: DataFrame) -> DataFrame:
        for step in steps:
            df = step(df)
        return df

    return corrupt


CASES = [
    Case("null label", "raw", where("id < 3", "y", None), "expect_no_null_labels", ("'y' is null in 3 of 120 rows",)),
    Case(
        "strange label",
        "raw",
        where("id < 3", "y", "q"),
        "expect_labels_to_match_classes",
        ("'y' holds 'q' (3)", "expected exactly the classes 'n', 'p'"),
    ),
    Case(
        "class gone",
        "raw",
        lambda df: df,
        "expect_labels_to_match_classes",
        ("'y' holds no row of 'z'",),
        {"classes": ["n", "p", "z"]},
    ),
    Case(
        "single row of a class",
        "raw",
        lambda df: df.where("y = 'n' or id = 100"),
        "expect_class_counts_to_be_between",
        ("'y' has 1 of class 'p'", "expected at least 2 of each class"),
    ),
    Case(
        "minority too large",
        "raw",
        lambda df: df.where("y = 'p' or id < 30"),
        "expect_minority_share_to_be_between",
        ("'y'", "'p' has 20 of 50 rows (40 %)", "between 1 % and 30 %"),
        {"minority_share_min": 0.01, "minority_share_max": 0.3},
    ),
    Case(
        "too few of the smallest class",
        "raw",
        lambda df: df,
        "expect_imbalance_ratio_to_be_between",
        ("'y' has 100 of class 'n' for 20 of class 'p', a ratio of 5; expected at most 4",),
        {"imbalance_ratio_max": 4.0},
    ),
    Case(
        "another distribution",
        "raw",
        lambda df: df.where("y = 'p' or id < 20"),
        "expect_label_distribution_to_match",
        (
            "'y' differ from last month: PSI is ",
            " and Jensen-Shannon distance is ",
            "expected a PSI of at most 0.1 and",
        ),
        {"drift_rows_min": 40, "reference_name": "last month", "class_increase_max": None},
    ),
    Case(
        "class nearly gone",
        "raw",
        lambda df: df.where("id < 102"),
        "expect_label_distribution_to_match",
        (
            "class 'p' has 2 of 102 rows (1.961 %) instead of 16.67 % (0.118 times as much",
            "0.6 to 3 times the share of each class",
        ),
        {"reference": {"n": 100_000, "p": 20_000}, "change_confidence": 0.95, "class_change_max": 0.4},
    ),
    Case(
        "share missed",
        "split",
        where("id < 10", "split", "test"),  # ten rows of class n that were in train
        "expect_split_shares_to_be_near",
        ("'split' puts 74 rows (61.67 %) in 'train' instead of 70 %", "34 rows (28.33 %) in 'test' instead of 20 %"),
        {"stratified_tolerance": None, "time": None},
    ),
    Case(
        "split of another name",
        "split",
        where("split = 'test'", "split", "tset"),
        "expect_split_shares_to_be_near",
        ("24 rows (20 %) in 'tset', which is no wanted split",),
        {"stratified_tolerance": None, "split_class_count_min": None},
    ),
    Case(
        "rows in no split",
        "split",
        where("id < 7 or id = 70 or id in (80, 81)", "split", None),  # so that what is left is stratified
        "expect_every_row_in_a_split",
        ("'split' leaves 10 of 120 rows (8.333 %) in no split; expected none",),
    ),
    Case(
        "not stratified",
        "split",
        both(where("id = 0", "split", "test"), where("id = 119", "split", "train")),
        "expect_splits_to_be_stratified",
        ("'y'", "69 of class 'n' in train instead of 70", "3 of class 'p' in test instead of 4"),
        {"time": None},
    ),
    Case(
        "class absent from a split",
        "split",
        both(where("y = 'p' and split = 'validation'", "split", "train"), where("id < 2", "split", "validation")),
        "expect_class_counts_to_be_between",
        ("'y' has 0 of class 'p' in validation", "expected at least 1 of each class"),
        {"stratified_tolerance": 2, "time": None},
    ),
    Case(
        "key on two sides",
        "split",
        where("id = 119", "id", 0),
        "expect_keys_to_stay_in_one_split",
        ("the splits share 1 value of column 'id' (1 in train and test), in 2 rows; expected none",),
    ),
    Case(
        "group on two sides",
        "split",
        where("id in (79, 119)", "customer", "c69"),
        "expect_keys_to_stay_in_one_split",
        ("1 value of column 'customer'", "(1 in train and validation and test), in 3 rows"),
    ),
    Case(
        "later training row",
        "split",
        where("id = 0", "at", "2026-04-01 12:00:00"),
        "expect_splits_in_time_order",
        ("by column 'at'", "train ends at 2026-04-01 12:00:00, validation begins at 2026-02-01", "'train' before"),
    ),
    Case(
        "gap too short",
        "split",
        lambda df: df,
        "expect_splits_in_time_order",
        ("by column 'at' the splits are too near to each other", "31,536,000 seconds apart"),
        {"gap_seconds": 31536000.0},
    ),
    Case(
        "twin in train",
        "split",
        both(where("id = 119", "x", 5.0000001), where("id = 119", "amount", 12.5)),
        "expect_no_near_duplicates_across_splits",
        ("to 6 significant digits, 1 of 24 rows in 'test' (4.167 %) have the features of a row in 'train'",),
        {"near_duplicate_share_max": 0.01},
    ),
    Case(
        "synthetic row lost",
        "resampled",
        lambda df: df.where("id <> 1000"),
        "expect_class_counts_to_equal",
        ("'y' has in split 'train' 69 of class 'p' instead of 70",),
    ),
    Case(
        "synthetic row in test",
        "resampled",
        where("id = 119", "is_synthetic", True),
        "expect_synthetic_rows_only_in_split",
        ("column 'is_synthetic' marks as synthetic 1 row outside 'train': 1 of class 'p' in test",),
    ),
    Case(
        "synthetic row out of range",
        "resampled",
        where("id = 1000", "x", 5000.0),
        "expect_synthetic_rows_within_class_bounds",
        ("column 'x' of class 'p' in [100, 5000], expected in [100, 113]",),
    ),
    Case(
        "synthetic row without a value",
        "resampled",
        where("id = 1000", "amount", float("nan")),
        "expect_synthetic_rows_within_class_bounds",
        ("column 'amount' of class 'p'", "1 missing"),
    ),
    Case(
        "synthetic fraction",
        "resampled",
        where("id = 1000", "x", 105.5),
        "expect_synthetic_rows_to_keep_whole_numbers",
        ("fractions where original rows have whole numbers: column 'x' in 1 row",),
    ),
    Case(
        "category of no row of the class",
        "resampled",
        both(where("id = 1000", "kind", "fax"), where("id = 1", "kind", "fax")),
        "expect_synthetic_rows_to_keep_categories",
        ("categories that no real row of their class has: column 'kind' has 1 value in 1 row",),
    ),
    Case(
        "copies of real rows",
        "resampled",
        lambda df: df.withColumn("amount", F.when(F.col("is_synthetic"), F.col("x") * 2.5).otherwise(F.col("amount"))),
        "expect_few_synthetic_duplicates",
        ("56 of 56 synthetic rows (100 %) have the very features of a real row; expected at most 10 %",),
    ),
    Case(
        "bent scores",
        "scored",
        where("y = 'n'", "score", 0.5),
        "expect_predicted_prevalence_to_be_near",
        ("column 'score' isn't the share of class 'p': 0.5417 in 'train', where 0.1667 of the rows are of it (ratio",),
    ),
    Case(
        "score above one",
        "scored",
        where("id = 5", "score", 1.5),
        "expect_scores_to_be_probabilities",
        ("'score' holds, among 120 scores, 1 above 1", "expected numbers in [0, 1]"),
    ),
    Case(
        "scores null and NaN",
        "scored",
        both(where("id = 5", "score", None), where("id in (6, 7)", "score", float("nan"))),
        "expect_scores_to_be_probabilities",
        ("'score' holds, among 120 scores, 1 null, 2 NaN",),
    ),
    Case(
        "no decision",
        "scored",
        where("id = 5", "decision", None),
        "expect_no_null_labels",
        ("'decision' is null in 1",),
    ),
    Case(
        "strange decision",
        "scored",
        where("id = 5", "decision", "q"),
        "expect_labels_to_match_classes",
        ("'decision' holds 'q' (1); expected no others than the classes 'n', 'p'",),
    ),
    Case(
        "strange label in scores",
        "scored",
        where("id = 5", "y", "q"),
        "expect_labels_to_match_classes",
        ("'y' holds 'q' (1); expected no others",),
    ),
]


WARNED = {
    "class absent from a split",
    "too few of the smallest class",
    "another distribution",
    "twin in train",
    "synthetic fraction",
    "copies of real rows",
    "bent scores",
}


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    """Sound tables for each checkpoint: 100 rows of class n and 20 of class p, 70/10/20 of each."""
    raw = spark.range(120).select(
        "id",
        F.when(F.col("id") < 100, "n").otherwise("p").alias("y"),
        F.col("id").cast("double").alias("x"),
        F.when(F.col("id") == 50, F.lit(SECRET)).otherwise(F.col("id") * 2.5).alias("amount"),
        F.concat(F.lit("c"), "id").alias("customer"),
        F.when(F.col("id") % 2 == 0, "web").otherwise("shop").alias("kind"),
    )
    place = F.when(F.col("id") >= 100, (F.col("id") - 100) * 5).otherwise(F.col("id"))
    split = F.when(place < 70, "train").when(place < 80, "validation").otherwise("test")
    month = F.when(place < 70, "01").when(place < 80, "02").otherwise("03")
    at = F.concat(F.lit("2026-"), month, F.lit("-01 00:00:00")).cast("timestamp")
    divided = raw.select("*", split.alias("split"), at.alias("at"))
    copies = F.explode(F.array(*(F.lit(1000 * i) for i in range(1, 5)))).alias("copy")
    made = divided.where("y = 'p' and split = 'train'").select("*", copies)
    made = made.select(
        (F.col("id") - 100 + F.col("copy")).alias("id"),
        *(F.col(c) for c in divided.columns if c not in ("id", "amount")),
        (F.col("amount") + (266 - F.col("amount")) * F.col("copy") / 10_000).alias("amount"),
        F.lit(True).alias("is_synthetic"),
    )
    scores = F.when(F.col("y") == "p", F.lit(0.75)).otherwise(F.col("id") / 1000)
    return {
        "raw": raw,
        "split": divided,
        "resampled": divided.withColumn("is_synthetic", F.lit(False)).unionByName(made),
        "scored": divided.select("id", "y", "split", scores.alias("score"), F.col("y").alias("decision")),
    }


@pytest.fixture
def own_suite(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a suite and gives its path."""

    def write(*expectations: dict[str, Any], **rest: Any) -> str:
        path = tmp_path / "own.json"
        path.write_text(json.dumps({"name": "own", "expectations": list(expectations), **rest}), encoding="utf-8")
        return str(path)

    return write


def latest_action(spark: SparkSession) -> int:
    """Return the number of the session's latest action: Spark forgets old ones, so that their count stands still."""
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    actions = spark._jsparkSession.sharedState().statusStore().executionsList()
    return int(actions.last().executionId()) if actions.nonEmpty() else -1


def scans_of(spark: SparkSession, action: int) -> int:
    """Return how often an action reads Parquet files, from its plan as it was executed."""
    nodes = spark._jsparkSession.sharedState().statusStore().planGraph(action).allNodes()
    return sum(nodes.apply(i).name().startswith("Scan parquet") for i in range(nodes.size()))


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
        latest = latest_action(spark)
        found["actions"] = latest - before
        found["scans"] = sum(scans_of(spark, action) for action in range(before + 1, latest + 1))
        found["jobs"] = len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]


@pytest.mark.classic
@pytest.mark.parametrize(("checkpoint", "actions"), [("raw", 1), ("split", 2), ("resampled", 2), ("scored", 1)])
def test_a_sound_table_passes_in_few_scans_and_actions(
    spark: SparkSession, tables: dict[str, DataFrame], tmp_path: Path, checkpoint: str, actions: int
) -> None:
    tables[checkpoint].write.parquet(str(tmp_path / "table"))
    table = spark.read.parquet(str(tmp_path / "table"))
    persisted = spark.sparkContext._jsc.getPersistentRDDs().size()
    with counted(spark) as cost:
        report = run_guard(checkpoint, f"{checkpoint}.json", table, PARAMETERS[checkpoint], str(tmp_path))
    assert report.success, report.summary()
    assert not report.failures()
    assert not report.left_out
    assert cost["actions"] == cost["scans"] == actions <= 2
    assert cost["jobs"] <= 10
    assert spark.sparkContext._jsc.getPersistentRDDs().size() <= persisted  # older ones may be cleaned up meanwhile
    assert report.docs == (tmp_path / "index.html").as_uri()
    assert (tmp_path / "index.html").is_file()
    assert (tmp_path / "expectations" / f"{checkpoint}.html").is_file()
    assert json.loads(json.dumps(report.to_json()))["checkpoint"] == checkpoint


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.suite}: {case.name}")
def test_a_corrupted_table_fails_one_expectation(tables: dict[str, DataFrame], case: Case) -> None:
    corrupted = case.corrupt(tables[case.suite])
    report = run_guard(case.suite, case.suite, corrupted, {**PARAMETERS[case.suite], **case.parameters})
    failed = report.failures()
    assert [r.expectation for r in failed] == [case.expectation], report.summary()
    for words in case.words:
        assert words in failed[0].message
    warned = failed[0].severity == "warning"
    assert report.success is warned
    assert warned is (case.name in WARNED)


def test_every_shipped_expectation_is_seen_failing() -> None:
    from steelyard.guards._suites import load_suite

    shipped = {(s, e["type"]) for s in PARAMETERS for e in load_suite(s)["expectations"]}
    assert shipped == {(c.suite, c.expectation) for c in CASES}


CAUGHT: dict[str, tuple[str, ...]] = {
    "null label": ("0", "1", "2"),
    "strange label": ("0", "1", "2"),
    "key on two sides": ("0", "0"),
    "twin in train": ("119",),
    "synthetic row in test": ("119",),
    "scores null and NaN": ("5", "6", "7"),
    "score above one": ("5",),
    "strange decision": ("5",),
}


@pytest.mark.parametrize("case", [c for c in CASES if c.name in CAUGHT], ids=lambda case: case.name)
def test_rows_that_break_an_expectation_are_named_and_set_aside(tables: dict[str, DataFrame], case: Case) -> None:
    aside: dict[str, list[str]] = {}

    def keep(name: str, rows: DataFrame) -> str:
        assert rows.columns == tables[case.suite].columns, "the rows as they are"
        aside[name] = sorted((str(r["id"]) for r in rows.collect()), key=int)
        return f"somewhere/{name}"

    corrupted, given = case.corrupt(tables[case.suite]), {**PARAMETERS[case.suite], **case.parameters}
    (failed,) = run_guard(case.suite, case.suite, corrupted, given, key=["id"], quarantine=keep).failures()
    assert aside == {case.expectation: list(CAUGHT[case.name])}
    named = [k["id"] for k in failed.keys]  # a field of the result
    assert named == sorted(set(CAUGHT[case.name]), key=int)
    assert f"(rows of id = {named[0]}" in failed.message
    assert failed.quarantine == f"somewhere/{case.expectation}"


@pytest.mark.classic
def test_keys_are_few_and_asked_for(spark: SparkSession, tables: dict[str, DataFrame]) -> None:
    corrupted = where("id < 50", "y", None)(tables["raw"])
    given = {**PARAMETERS["raw"], "reference": None}
    with counted(spark) as cost:
        failed = run_guard("raw", "raw", corrupted, given).failures()[0]
    assert (failed.keys, failed.quarantine, cost["actions"]) == ([], None, 1)
    failed = run_guard("raw", "raw", corrupted, given, key=["id", "kind"]).failures()[0]
    assert len(failed.keys) == 20 and failed.keys[1] == {"id": "1", "kind": "shop"}
    assert failed.message.endswith("id = 4, kind = web; …)")


def test_features_are_the_same_to_so_many_digits(spark: SparkSession) -> None:
    query = "SELECT * FROM VALUES {} AS (v, a, k, split)"
    pairs = {
        "(1.0d, array(1d, null), 'x', 'train'), (1.0000001d, array(1d, null), 'x', 'test')": True,
        "(1.0d, array(1d, null), 'x', 'train'), (1.001d, array(1d, null), 'x', 'test')": False,
        "(1e12d, array(1d, 0d), 'x', 'train'), (1.00000001e12d, array(1d, -0d), 'x', 'test')": True,
        "(1e-12d, array(1d, 0d), 'x', 'train'), (1.1e-12d, array(1d, 0d), 'x', 'test')": False,
        "(1d, array(1d, null), 'x', 'train'), (1d, array(null, 1d), 'x', 'test')": False,
        "(null, array(0d), 'x', 'train'), (0d, array(0d), 'x', 'test')": False,
        "(1d, array(0d), 'x', 'train'), (1d, array(0d), 'y', 'test')": False,
        "(double('nan'), null, null, 'train'), (double('nan'), null, null, 'test')": True,
    }
    kind = same_rows(["v", "a", "k"], parts_by_split("split", ["train", "test"]), digits=6)
    for values, same in pairs.items():
        assert bool(find_overlaps(spark.sql(query.format(values)), [kind]).shared(kind)) is same, values
    exact = same_rows(["v", "a", "k"], parts_by_split("split", ["train", "test"]))
    assert not find_overlaps(spark.sql(query.format(next(iter(pairs)))), [exact]).shared(exact)


def test_rounding_keeps_the_digits_that_are_asked_for(spark: SparkSession) -> None:
    df = spark.range(2000).select(((F.col("id") + 1) * F.lit(0.000123457)).alias("v"))
    for digits in (2, 4, 6, 9):
        seen = df.select("v", rounded(df, "v", digits).alias("r")).toPandas()
        error = ((seen.r - seen.v) / seen.v).abs().max()
        assert 0 < error < 0.5 * 10 ** (1 - digits)


@pytest.mark.classic
def test_slices(spark: SparkSession, tables: dict[str, DataFrame], own_suite: Callable[..., str]) -> None:
    kwargs = {"column": "y", "slice_column": "kind", "reference": {"n": 1000, "p": 200}, "max_change": 0.5}
    suite = own_suite(
        {"type": "expect_label_distribution_to_match", "kwargs": kwargs}, {"type": "expect_no_null_labels", **ON_Y}
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


@pytest.mark.parametrize(
    ("name", "label"), [("mammography", "label"), ("ai4i2020", "Machine_failure"), ("shuttle", "label")]
)
def test_a_suggested_suite_passes_on_the_table_it_was_made_from(
    spark: SparkSession, real_data: Callable[[str], str], tmp_path: Path, name: str, label: str
) -> None:
    from steelyard.stages._tables import bare_table, profile_table

    table = real_data(name)
    suite = suggest_suite(profile_table(spark, bare_table(table, label=label)))
    file = tmp_path / "suggested.json"
    file.write_text(json.dumps(suite), encoding="utf-8")
    df = spark.read.parquet(table)
    report = run_guard("raw", str(file), df, {})
    assert report.success and not report.failures() and len(report.results) == 7, report.summary()
    rarest = min(suite["suite_parameters"]["reference"], key=suite["suite_parameters"]["reference"].__getitem__)
    gone = run_guard("raw", str(file), df.where(F.col(label).cast("string") != rarest), {})
    assert {r.expectation for r in gone.failures("critical")} >= {"expect_labels_to_match_classes"}


def test_a_failed_guard_says_which_and_where(tables: dict[str, DataFrame], tmp_path: Path) -> None:
    corrupted = where("id < 3", "y", None)(tables["raw"])
    with pytest.raises(GuardError) as caught:
        run_guard("raw", "raw.json", corrupted, PARAMETERS["raw"], str(tmp_path)).raise_for_failures()
    assert "expect_no_null_labels: column 'y' is null in 3 of 120 rows" in str(caught.value)
    assert (tmp_path / "index.html").as_uri() in str(caught.value)


def test_parameters_that_are_null_leave_out(tables: dict[str, DataFrame]) -> None:
    given = {"label": "y", "shares": SHARES}
    report = run_guard("split", "split.json", tables["split"].drop("id", "at"), given)
    assert report.success, report.summary()
    assert [dict(e) for e in report.left_out] == [
        {"expectation": "expect_keys_to_stay_in_one_split", "parameter": "key"},
        {"expectation": "expect_keys_to_stay_in_one_split", "parameter": "group"},
        {"expectation": "expect_splits_in_time_order", "parameter": "time"},
        {"expectation": "expect_no_near_duplicates_across_splits", "parameter": "features"},
    ]


def test_data_docs_escape_classes_and_keep_values_of_rows_out(
    tables: dict[str, DataFrame], tmp_path: Path, own_suite: Callable[..., str]
) -> None:
    df = where("y = 'p'", "y", NASTY)(tables["raw"])
    report = run_guard("raw", "raw.json", df, {"label": "y", "classes": ["n", "<b>other</b>"]}, str(tmp_path / "ours"))
    assert [r.expectation for r in report.failures()] == ["expect_labels_to_match_classes"]
    suite = own_suite(
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "max_value": 1000}},
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "customer", "value_set": ["c1"]}},
    )
    report = run_guard("raw", suite, df, {}, str(tmp_path / "theirs"))
    assert len(report.failures()) == 2
    pages = {f: f.read_text(encoding="utf-8") for f in tmp_path.rglob("*.html")}
    assert len(pages) == 6
    text = "".join(pages.values())
    assert "<script>alert" not in text
    assert "<b>other" not in text
    assert "&lt;script&gt;alert('$x')&lt;/script&gt; &amp; \"ü\"" in text
    assert "must hold the classes" in text
    assert "must not be null" in text
    assert "the parameter class_count_min" in text
    for value in ("876543", "876,543", "c17"):
        whole = re.compile(rf"\b{value}\b")  # random ids hold any letters
        assert not whole.search(text)
        assert not whole.search(json.dumps(report.to_json()))


def test_expectations_of_great_expectations_in_an_own_suite(
    tables: dict[str, DataFrame], own_suite: Callable[..., str]
) -> None:
    suite = own_suite(
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": {"$PARAMETER": "label"}}},
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"max_value": {"$PARAMETER": "rows"}}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "x", "max_value": 100},
            "severity": "warning",
        },
        {"type": "expect_no_null_labels", "kwargs": {"column": "y"}},
        suite_parameters={"rows": 1000},
    )
    report = run_guard("raw", suite, tables["raw"], {"label": "y", "unused": 1})
    assert report.success
    (warned,) = report.failures()
    assert (warned.expectation, warned.column, warned.severity) == (
        "expect_column_values_to_be_between",
        "x",
        "warning",
    )
    assert warned.observed["unexpected_count"] == 19
    assert warned.message.startswith("column 'x': observed ")
    assert "expected max_value = 100" in warned.message
    assert not run_guard("raw", suite, tables["raw"], {"label": "y", "rows": 10}).success


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (
            {"type": "expect_no_null_label"},
            "no expectation 'expect_no_null_label'. Did you mean 'expect_no_null_labels'",
        ),
        ({"type": "expect_no_null_labels", "kwargs": {"column": "y", "colour": 1}}, "can't be made of its arguments"),
        ({"type": "expect_no_null_labels", "kwargs": {}}, "can't be made of its arguments"),
        (
            {"type": "expect_class_counts_to_equal", "kwargs": {"column": "y", "counts": {"n": "many"}}},
            "can't be made of its arguments",
        ),
    ],
)
def test_a_wrong_suite(
    tables: dict[str, DataFrame], own_suite: Callable[..., str], expectation: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        run_guard("raw", own_suite(expectation), tables["raw"], {})
    assert words in str(caught.value)
    if "no expectation" in words:
        with pytest.raises(ConfigError, match="Did you mean"):
            check_suite(own_suite(expectation))


def test_a_missing_column(tables: dict[str, DataFrame], own_suite: Callable[..., str]) -> None:
    with pytest.raises(InputError, match=r"'Y' is not in the table. Did you mean 'y'"):
        run_guard("raw", "raw.json", tables["raw"], {"label": "Y", "classes": ["n", "p"]})
    theirs = own_suite({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "amuont"}})
    with pytest.raises(InputError, match=r"'amuont' is not in the table. Did you mean 'amount'"):
        run_guard("raw", theirs, tables["raw"], {})


def test_a_feature_or_a_score_that_is_no_number(tables: dict[str, DataFrame]) -> None:
    with pytest.raises(InputError, match="feature 'customer' is of type string"):
        run_guard("resampled", "resampled", tables["resampled"], {**PARAMETERS["resampled"], "features": ["customer"]})
    scored = tables["scored"].withColumn("score", F.col("score").cast("string"))
    with pytest.raises(InputError, match="'score' is of type string"):
        run_guard("scored", "scored", scored, PARAMETERS["scored"])


def test_what_spark_can_not_compute_is_an_engine_error(tables: dict[str, DataFrame]) -> None:
    broken = tables["raw"].withColumn("y", F.expr("if(id > 200, y, raise_error('the disk is gone'))"))
    with pytest.raises(EngineError, match="the disk is gone"):
        run_guard("raw", "raw.json", broken, PARAMETERS["raw"])


def test_labels_of_all_types(spark: SparkSession) -> None:
    df = spark.sql("SELECT * FROM VALUES (1d, 1, true), (0d, 0, false), (double('nan'), null, null) AS (a, b, c)")
    for label, classes in (("a", ["0", "1"]), ("b", ["0", "1"]), ("c", ["false", "true"])):
        report = run_guard("raw", "raw", df, {"label": label, "classes": classes, "class_count_min": 1})
        assert [r.observed for r in report.failures()] == [{"null": 1, "rows": 3}]


def test_scores_of_several_classes(spark: SparkSession) -> None:
    given = {"label": "y", "classes": ["a", "b"]}
    sound = "('a', 'a', map('a', 0.75d, 'b', 0.25d)), ('b', 'b', map('b', 1d, 'a', 0d))"
    bent = f"{sound}, ('a', 'a', map('a', .5d, 'b', .25d)), ('a', 'a', map('a', 1.5d, 'b', -.5d)), ('a', 'a', null)"
    query = "SELECT * FROM VALUES {} AS (y, decision, score)"
    assert run_guard("scored", "scored", spark.sql(query.format(sound)), given).success
    (failed,) = run_guard("scored", "scored", spark.sql(query.format(bent)), given).failures()
    assert "'score' holds, among 5 scores, 1 null, 1 below 0, 1 above 1, 1 without a sum of 1" in failed.message


def test_maps_must_hold_all_classes(spark: SparkSession) -> None:
    df = spark.sql("SELECT * FROM VALUES (map('a', .5, 'b', .5)), (map('a', .5, 'c', .5)), (map('a', 1)) AS (s)")
    seen = count_cells(df, [], [["score", "s", ["b", "a"], 1e-6]]).scores("s", ["b", "a"], 1e-6)
    assert seen == {None: ScoreCounts(3, 0, 0, 0, 0, 0.5, 1.0, 0, 2)}


def test_composite_keys_with_nulls(spark: SparkSession) -> None:
    apart = "(1, null, 'train'), (null, 1, 'test'), (2, 2, 'train'), (2, 2, 'train'), (3, 3, null), (3, 3, 'test')"
    query = "SELECT * FROM VALUES {} AS (a, `b c.d`, split)"
    kind = same_rows(["a", "b c.d"], parts_by_split("split", ["train", "validation", "test"]))
    assert find_overlaps(spark.sql(query.format(apart)), [kind]).shared(kind) == []
    more = spark.sql(query.format(f"{apart}, (1, null, 'test'), (1, null, 'tset')"))
    assert find_overlaps(more, [kind]).shared(kind) == [SharedKeys(("train", "test", "another split"), 1, 3)]


@pytest.mark.parametrize("kind", ["int", "decimal(9,2)", "date", "timestamp_ntz", "timestamp"])
def test_times_of_all_types(spark: SparkSession, kind: str) -> None:
    df = spark.sql(
        "SELECT * FROM VALUES (9, 'train'), (10, 'test'), (11, 'test'), (null, 'train'), (50, null) AS (t, split)"
    )
    dated = F.date_add(F.lit("2026-01-01"), "t")
    df = df.select("split", (F.col("t") if kind in ("int", "decimal(9,2)") else dated).cast(kind).alias("t"))
    ranges: list[TimeRange] = count_cells(df, [["split", "split"]], [["time", "t"]]).times("t", "split")
    train, test = sorted(ranges, key=lambda r: r.split, reverse=True)
    assert (train.split, test.split) == ("train", "test")
    values: list[Any] = [train.first, train.last, test.first, test.last]
    assert values[0] == values[1] < values[2] < values[3]
    assert test.last_text.startswith("11" if kind in ("int", "decimal(9,2)") else "2026-01-12")


def test_quotas_are_those_of_the_splits() -> None:
    for total in (0, 1, 2, 3, 5, 7, 10, 25, 493, 31_754):
        for validation, test in ((0.1, 0.2), (0.5, 0.5), (0.15, 0.145), (0.0, 0.3)):
            mine = quotas(total, {"validation": validation, "test": test}, "train")
            assert mine == wanted_counts(total, validation, test)


def test_in_a_project_of_great_expectations(tables: dict[str, DataFrame]) -> None:
    import great_expectations as gx

    from steelyard.guards.expectations import ExpectMinorityShareToBeBetween

    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark("spark", persist=False).add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": tables["raw"]})
    result = batch.validate(ExpectMinorityShareToBeBetween(column="y", max_value=0.1))
    assert not result.success
    assert "'p' has 20 of 120 rows" in result.result["details"]["message"]
    share = ExpectMinorityShareToBeBetween(column="y", max_value=0.1)
    share.render()
    assert share.rendered_content is not None
    assert (
        share.rendered_content[0].value.template
        == "The rarest class of $column must have a share of at most $max_value."
    )
    suite = context.suites.add(gx.ExpectationSuite("rows"))
    suite.add_expectation(ExpectMinorityShareToBeBetween(column="y", max_value={"$PARAMETER": "most"}))
    assert batch.validate(context.suites.get("rows"), expectation_parameters={"most": 0.2}).success
    # A guard in between leaves the user's project the current one.
    run_guard("raw", "raw", tables["raw"], PARAMETERS["raw"])
    assert gx.data_context.data_context.context_factory.project_manager.get_current_project() is context


def test_nothing_is_logged(
    tables: dict[str, DataFrame], tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run_guard("raw", "raw", where("id < 3", "y", None)(tables["raw"]), PARAMETERS["raw"], str(tmp_path))
    assert not [r for r in caplog.records if r.name.startswith("great_expectations")]
    out, err = capfd.readouterr()
    assert (out, err.replace("\n", "")) == ("", "")

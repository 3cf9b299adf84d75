"""Suites as users write them, and what guards say of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guard_cases import PARAMETERS, SHARES, where
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.errors import ConfigError, EngineError, GuardError, InputError
from steelyard.guards import check_suite, run_guard, suggest_suite


@pytest.mark.parametrize(
    ("name", "label"), [("mammography", "label"), ("ai4i2020", "Machine_failure"), ("shuttle", "label")]
)
def test_a_suggested_suite_passes_on_the_table_it_was_made_from(
    spark: SparkSession, real_data: Callable[[str], str], tmp_path: Path, name: str, label: str
) -> None:
    from steelyard.stages.commands.tables import bare_table, profile_table

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
        (
            {"type": "expect_no_null_labels", "kwargs": {"column": "y", "colour": 1}},
            "cannot be built from its arguments",
        ),
        ({"type": "expect_no_null_labels", "kwargs": {}}, "cannot be built from its arguments"),
        (
            {"type": "expect_class_counts_to_equal", "kwargs": {"column": "y", "counts": {"n": "many"}}},
            "cannot be built from its arguments",
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

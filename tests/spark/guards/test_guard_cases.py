"""Guards for real: Great Expectations on a Spark DataFrame, one artifact corrupted at a time."""

from __future__ import annotations

import pytest
from guard_cases import CASES, CAUGHT, PARAMETERS, WARNED, Case
from pyspark.sql import DataFrame

from steelyard.guards import run_guard


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

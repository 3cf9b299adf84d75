"""Guards inside Great Expectations: Data Docs, a project of the user's, its log."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from guard_cases import PARAMETERS, where
from pyspark.sql import DataFrame

from steelyard.guards import run_guard

NASTY = "<script>alert('$x')</script> & \"ü\""


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


def test_data_docs_lead_to_the_verdict_and_hold_nothing_that_no_page_shows(
    tables: dict[str, DataFrame], tmp_path: Path
) -> None:
    run_guard("raw", "raw", tables["raw"], PARAMETERS["raw"], str(tmp_path))
    page = re.search(r'href="([^"]+)"', (tmp_path / "index.html").read_text(encoding="utf-8"))
    assert page is not None
    verdict = (tmp_path / page.group(1)).read_text(encoding="utf-8")
    assert "fa-check-circle text-success" in verdict and '.fa-check-circle::before { content: "✓"' in verdict
    assert sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) < 200_000


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


def test_data_docs_load_nothing_and_stay_in_their_folder_whatever_a_suite_is_called(
    tables: dict[str, DataFrame], tmp_path: Path
) -> None:
    suite = {
        "name": "../../../x/<img src=https://a.example/b.png>{{ 7 * 77777 }}.of.ours",
        "expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "amount"}}],
    }
    file, docs = tmp_path / "{{ x }}.json", tmp_path / "deep" / "er" / "docs"
    file.write_text(json.dumps(suite))
    docs.mkdir(parents=True)
    assert run_guard("raw", str(file), tables["raw"], {}, str(docs)).success
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "{{ x }}.json"]
    assert [p.name for p in (tmp_path / "deep").rglob("*") if docs not in p.parents and p != docs] == ["er"]
    text = "".join(p.read_text(encoding="utf-8") for p in docs.rglob("*") if p.suffix in (".html", ".css"))
    loads = r"<(?:script|iframe|object|embed)|(?:src|srcset)\s*=\s*[\"']?(?:https?:)?//|url\(\s*[\"']?(?:https?:)?//"
    assert not re.findall(loads, text) and not re.findall(r"<link[^>]*//[^>]*>|@import", text)
    assert "544439" not in text and "Content-Security-Policy" in text

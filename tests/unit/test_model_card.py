"""The model card: each value is where its source says, in runs of several kinds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from small_pipelines import replace_document
from test_report import NASTY, Maker, Page, check

from steelyard import report
from steelyard.report._card_facts import Fact, resolve
from steelyard.report._card_parts import card_parts
from steelyard.report._numbers import count, metric, moment, number, percent
from steelyard.store import RunDir

TITLES = [
    "Title and purpose",
    "Source of data and participants",
    "Sample size and missing data",
    "Class imbalance, and what was done about it",
    "Model development",
    "Model output: recalibration and decision",
    "Model performance",
    "Costs",
    "Limits",
    "Monitoring triggers",
    "Versions and hashes",
    "To be added by people",
]


def facts(run: RunDir) -> list[Fact]:
    return [fact for part in card_parts(run) for fact in part.facts]


def is_shown(value: Any, text: str) -> bool:
    """Whether a text shows a value of a JSON file."""
    if isinstance(value, dict) and "value" in value:
        return text.split(" (")[0] in (metric(value["value"]), number(value["value"]))
    if isinstance(value, dict):
        whole = text.replace(",", "").isdigit() and int(text.replace(",", "")) in (len(value), sum(value.values()))
        return whole or all(
            str(k).replace("_", " ") in text.replace("_", " ") for k, v in value.items() if v is not None
        )
    if isinstance(value, list):
        return text == (", ".join(map(str, value)) or "none") or text == count(len(value))
    if isinstance(value, bool | str):
        return text in (str(value), moment(str(value)))
    return text in (str(value), count(value), number(value), metric(value), percent(value))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return Maker(tmp_path_factory.mktemp("card"), ("0", "1"), (40_000, 400)).whole()


def test_every_value_is_where_its_source_says(whole: RunDir) -> None:
    found = facts(whole)
    assert len(found) > 70
    for fact in found:
        path, _, place = fact.source.partition("#")
        value = resolve(whole.read_json(path), place)
        assert value is not None and is_shown(value, fact.value), fact


def test_the_order_is_that_of_reporting_guidelines(whole: RunDir) -> None:
    titles = [part.title for part in card_parts(whole)]
    assert [t for t in titles if t in TITLES] == [t for t in TITLES if t in titles]
    assert set(titles) >= set(TITLES) - {"Costs", "Limits"}
    text = report.markdown_card(whole)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == titles
    recall = whole.read_json("metrics.json")["splits"]["test"]["per_class"]["1"]["recall"]
    assert f"| Test: recall | {metric(recall['value'])} (95 % interval {metric(recall['ci95'][0])} – " in text
    assert "`metrics.json#/splits/test/per_class/1/recall`" in text


def test_both_forms_show_the_same_and_escape_names(tmp_path: Path) -> None:
    run = Maker(tmp_path, (f"no {NASTY}", NASTY), (3_000, 150), label=NASTY).whole()
    page: Page = check(report.html_card(run))
    assert NASTY in page.text
    text = report.markdown_card(run)
    assert "<b" not in text.replace("`", "") or "<b" not in re.sub(r"`[^`]*`", "", text)
    rows = [line for line in text.splitlines() if line.startswith("| ") and line != "| | value | source |"]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in rows if not line.startswith("| ---"))
    assert len(rows) - text.count("| --- | --- | --- |") == len(facts(run))


def test_a_comparison_and_its_reason_are_part_of_it(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.profile()
    plain = {"name": "plain", "log_loss": {"value": 0.05, "ci95": [0.04, 0.06]}, "difference": {}}
    choice = {"metric": "log_loss", "chosen": "plain", "reason": "no better than plain", "candidates": [plain]}
    maker.publish("compare", {"compare/a1/choice.json": {**choice, "better_than_plain": False, "suggestion": None}})
    text = report.markdown_card(maker.run)
    assert "| Reason of the choice | no better than plain | `compare/a1/choice.json#/reason` |" in text
    assert "0.050 (95 % interval 0.040 – 0.060) | `compare/a1/choice.json#/candidates/0/log_loss` |" in text


def test_gains_over_the_baseline_and_missing_intervals_are_named(tmp_path: Path) -> None:
    run = Maker(tmp_path, ("0", "1"), (4_000, 200)).whole()
    document = run.read_json("metrics.json")
    gain = {"pr_auc": {"value": 0.02, "ci95": [-0.01, 0.05]}, "f2": {"value": 0.1, "ci95": None, "note": "too few"}}
    document["baseline"] = {"recipe": "plain", "threshold": 0.5, "test": {}, "gain": gain}
    replace_document(run, "evaluate", "metrics.json", document)
    text = report.markdown_card(run)
    assert r"| Test: gain over the baseline in pr\_auc | 0.020 (95 % interval −0.010 – 0.050) |" in text
    assert "| Test: gain over the baseline in f2 | 0.100 (no interval: too few) |" in text


def test_several_classes_and_runs_that_failed_have_one_too(tmp_path: Path) -> None:
    many = Maker(tmp_path / "a", ("a", "b", "c"), (4_500, 900, 300)).whole()
    assert any("/macro/" in f.source for f in facts(many))
    maker = Maker(tmp_path / "b", ("0", "1"), (4_000, 200))
    maker.profile()
    maker.guard("raw", success=False)
    limits = next(part for part in card_parts(maker.run) if part.title == "Limits")
    assert {f.name for f in limits.facts} >= {"Failure of stage guard_raw"}
    assert any("guards/" in f.source for f in limits.facts)
    assert "Model performance" not in [part.title for part in card_parts(maker.run)]


@pytest.mark.parametrize("classes", [("0", "1"), ("a", "b", "c")])
def test_declared_slices_are_shown_with_recall(tmp_path: Path, classes: tuple[str, ...]) -> None:
    run = Maker(tmp_path, classes, (40_000, 400, 90)[: len(classes)]).whole()
    document = run.read_json("metrics.json")
    test = document["splits"]["test"]
    one = {name: test[name] for name in ("n", "support", "confusion", "per_class")}
    document["splits"]["test"] = {**test, "slices": {"country": {"north": one}}}
    replace_document(run, "evaluate", "metrics.json", document)
    of = {fact.name: fact for fact in facts(run) if fact.name.startswith("country = north: ")}
    names = ["recall", "rows of class 1"] if len(classes) == 2 else [f"recall of {c}" for c in classes]
    assert {f"country = north: {name}" for name in ("rows", *names)} <= set(of)
    for fact in of.values():
        path, _, place = fact.source.partition("#")
        assert is_shown(resolve(run.read_json(path), place), fact.value), fact
    assert "Slice by slice" in check(report.build(run)).text

"""One registry: what it holds appears everywhere, and "always the majority" is what such a decider reaches."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_pipelines import pipeline
from test_report import Maker, check, judged

from steelyard import report
from steelyard.cli._summary import show_split
from steelyard.deciding import check_rule, choose_threshold
from steelyard.errors import ConfigError
from steelyard.metrics import (
    BucketTable,
    Metric,
    ScoreTable,
    all_metrics,
    always_majority,
    check_gate,
    document,
    get_metric,
    judge_gate,
    metric_names,
    register_metric,
    registry,
    split_document,
    unregister_metric,
)
from steelyard.stages import _check
from steelyard.stages.commands import check as early
from steelyard.stages.commands.reference import pipeline_reference
from steelyard.stages.commands.schema import pipeline_schema

YOUDEN = Metric(
    name="youden_j",
    label="Youden's J",
    description="recall + specificity - 1",
    kind="counts",
    value=lambda c: c.recall + c.specificity - 1,
    range=(-1, 1),
    baseline=lambda m: 0.0,
    maximize=True,
)
BASE: dict[str, Any] = {"label": "x", "description": "for a test"}
OTHERS = (
    Metric(name="t.counts", kind="counts", value=lambda c: c.tp / (c.tp + c.fp + c.fn), **BASE),
    Metric(name="t.positive", kind="counts", scope="positive", value=lambda c: c.recall**2, **BASE),
    Metric(
        name="t.share", kind="counts", interval="proportion", cells=("fn", "tn"),
        value=lambda c: c.tn / (c.tn + c.fn), **BASE,
    ),
    Metric(name="t.classes", kind="class_counts", value=lambda c: (c.hits / c.support).min(axis=-1), **BASE),
    Metric(name="t.ranking", kind="ranking", value=lambda pos, neg: pos[..., 0] / pos.sum(axis=-1), **BASE),
    Metric(
        name="t.loss", kind="loss", value=lambda s: (np.abs(1 - s), np.abs(s)), range=(0, math.inf),
        greater_is_better=False, **BASE,
    ),
    Metric(
        name="t.local", kind="local_loss", value=lambda s: (1 - s, s), range=(0, 5), greater_is_better=False, **BASE,
    ),
    Metric(
        name="t.mean", kind="probabilities", value=lambda s, pos, neg: ((pos + neg) * s).sum(-1) / (pos + neg).sum(-1),
        **BASE,
    ),
    Metric(
        name="t.savings", kind="cost", value=lambda c: 1 - (c.missed + c.alarms) / c.all_missed, range=(-9, 1), **BASE,
    ),
)  # fmt: skip


@pytest.fixture
def youden() -> Iterator[str]:
    register_metric(YOUDEN)
    yield YOUDEN.name
    unregister_metric(YOUDEN.name)


@pytest.fixture
def others() -> Iterator[list[str]]:
    for metric in OTHERS:
        register_metric(metric)
    yield [metric.name for metric in OTHERS]
    for metric in OTHERS:
        unregister_metric(metric.name)


def scored(counts: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(counts)), counts)
    odds = np.exp(rng.normal(size=(len(label), len(counts))) + 2 * np.eye(len(counts))[label])
    return label, np.round(odds / odds.sum(axis=1, keepdims=True), 3)  # few distinct scores make intervals quick


def split_of(label: Any, score: Any, decided: Any, classes: tuple[str, ...], weight: Any = None) -> dict[str, Any]:
    """Return the split of rows with these labels and decisions; `score` has a column for each class."""
    positive = classes[1] if len(classes) == 2 else None
    rng = np.random.default_rng(1)
    bucket = rng.integers(0, 200, len(label))
    cost = {"cost_fn": rng.gamma(2, 60, len(label)), "cost_fp": np.full(len(label), 5.0)} if positive else {}
    tables = {}
    for i, name in enumerate(classes):
        if positive in (None, name):
            table = ScoreTable.from_rows(score[:, i], label == i, weight, **cost)
            buckets = BucketTable.from_rows(table, score[:, i], label == i, decided == i, bucket, weight=weight, **cost)
            tables[name] = (table, buckets)
    confusion = {
        a: {d: int(((label == i) & (decided == j)).sum()) for j, d in enumerate(classes)} for i, a in enumerate(classes)
    }
    return split_document(classes, positive, confusion, tables, grouped=False)


@pytest.mark.parametrize(("counts", "weighted"), [((4000, 300), False), ((300, 4000), True), ((2000, 500, 120), False)])
def test_always_the_majority_is_what_such_a_decider_reaches(counts: tuple[int, ...], weighted: bool) -> None:
    label, classes = np.repeat(np.arange(len(counts)), counts), ("a", "b", "c")[: len(counts)]
    weight = np.where(np.arange(len(label)) % 3 == 0, 0.5, 2.0) if weighted else None
    score = np.tile(np.array(counts) / sum(counts), (len(label), 1))
    split = split_of(label, score, np.full(len(label), int(np.argmax(counts))), classes, weight)
    positive = "b" if len(counts) == 2 else None
    own = split["macro"] if positive is None else split["per_class"][positive]
    compared = set()
    for metric in all_metrics():
        expected = (own if metric.scope == "class" else split)[metric.name]["value"]
        found = always_majority(split, metric.name, positive)
        if found is not None:
            assert found == pytest.approx(expected, abs=1e-9), metric.name
            compared.add(metric.name)
    missing = {"brier", "log_loss", "ece"} | ({"precision"} if positive is None or counts[1] < counts[0] else set())
    missing |= {m.name for m in all_metrics() if m.two_classes_only} if positive is None else set()
    assert set(metric_names()) - compared == missing
    if positive is None:
        for name in ("recall", "roc_auc", "pr_auc", "f1"):
            found = always_majority(split, name, None, "weighted")
            assert found == pytest.approx(split["weighted"][name]["value"], abs=1e-9), name


def rows_of(text: str) -> dict[str, str]:
    """Return the last cell of each line of a terminal table, by the words before its numbers."""
    return {line[:24].strip(): line.split()[-1] for line in text.splitlines() if len(line) > 30}


def test_terminal_and_report_agree_where_the_positive_class_is_the_larger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maker = Maker(tmp_path, ("0", "1"), (1_000, 20_000))
    run = maker.whole()
    metrics = run.read_json("metrics.json")
    show_split(metrics, "test", metrics["splits"]["test"])
    terminal, page = rows_of(capsys.readouterr().out), check(report.build(run)).text
    share = 4000 / 4200
    wanted = {
        "recall": 1.0, "precision": share, "f1": 2 * share / (1 + share), "pr_auc": share, "roc_auc": 0.5,
        "accuracy": share, "balanced_accuracy": 0.5, "mcc": 0.0, "recall_at_precision_0.9": 1.0,
    }  # fmt: skip
    test = metrics["splits"]["test"]
    for name, value in wanted.items():
        label, now = get_metric(name).label, {**test, **test["per_class"]["1"]}[name]
        assert terminal[label] == f"{value:.3f}", name
        low, high = (report.metric(x) for x in now["ci95"])
        shown = f"{report.metric(now['value'])} {low} – {high} {report.metric(value)}"
        assert f"{label} {get_metric(name).description} {shown}" in page, name
    assert "raises an alarm on every row" in page
    always = test["expected_cost_always_alarm"]["value"]
    assert terminal["Expected cost"] == report.metric(always)


def test_a_registered_metric_appears_everywhere(
    youden: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Maker(tmp_path, ("0", "1"), (8_000, 400)).whole()
    metrics = run.read_json("metrics.json")
    test = metrics["splits"]["test"]
    own = test["per_class"]["1"]
    number = own[youden]
    assert number["value"] == pytest.approx(own["recall"]["value"] + own["specificity"]["value"] - 1)
    assert number["ci95"][0] < number["value"] < number["ci95"][1]
    assert number["value"] == pytest.approx(test["per_class"]["0"][youden]["value"]), "the same for both classes"

    page = check(report.build(run)).text
    low, high = number["ci95"]
    assert f"Youden's J recall + specificity - 1 {number['value']:.3f} {low:.3f} – {high:.3f} 0.000" in page
    show_split(metrics, "test", test)
    assert "Youden's J" in rows_of(capsys.readouterr().out)

    label, score = scored((4_000, 200))
    alarms = score[:, 1][:, None] >= score[:, 1][None, :]
    found = choose_threshold(ScoreTable.from_rows(score[:, 1], label == 1), {"maximize": youden})
    each = alarms[label == 1].mean(axis=0) - alarms[label == 0].mean(axis=0)
    assert found.achieved[youden] == pytest.approx(each.max())

    verdicts = judge_gate(metrics, {youden: {"min": 0.1, "min_ci95": 0.99}})
    assert [v["passed"] for v in verdicts] == [True, False]
    check_gate({youden: {}}, classes=5)
    assert youden in pipeline_schema()["properties"]["gate"]["propertyNames"]["enum"]
    assert f"| `{youden}` | Youden's J |" in pipeline_reference()
    early.check(pipeline("/t", gate={youden: {"min": 0.1}}, decide={"threshold": {"maximize": youden}}))


def test_a_registered_metric_appears_with_several_classes(
    youden: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Maker(tmp_path, ("a", "b", "c"), (6_000, 900, 200)).whole()
    metrics = run.read_json("metrics.json")
    test = metrics["splits"]["test"]
    assert test["macro"][youden]["ci95"] is not None
    show_split(metrics, "test", test)
    shown = capsys.readouterr().out
    assert "Youden's J" in shown and "Balanced accuracy" in shown
    page = check(report.build(run)).text
    assert page.count("Youden's J mean over the classes") == 2
    assert judge_gate(metrics, {youden: {"min": -1.0}})[0]["passed"]


def test_every_kind_of_metric_can_be_registered(others: list[str]) -> None:
    for counts in ((3_000, 400), (2_000, 500, 120)):
        label, score = scored(counts)
        classes = ("a", "b", "c")[: len(counts)]
        split = split_of(label, score, score.argmax(axis=1), classes)
        json.dumps(split, allow_nan=False)
        own = split["macro"] if len(counts) > 2 else split["per_class"]["b"]
        for name in others:
            metric = get_metric(name)
            number = (own if metric.scope == "class" else split)[name]
            if metric.two_classes_only and len(counts) > 2:
                assert number == {"value": None, "ci95": None}
            else:
                low, high = number["ci95"]
                assert metric.range[0] <= low <= number["value"] <= high <= metric.range[1], name
        assert split["t.local"]["value"] == pytest.approx((1 - score[np.arange(len(label)), label]).mean())
        one_hot = np.eye(len(counts))[label]
        all_sides = np.abs(one_hot - score).sum(axis=1).mean()
        assert split["t.loss"]["value"] == pytest.approx(all_sides if len(counts) > 2 else all_sides / 2)


def test_a_file_from_before_a_metric_was_known(youden: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.whole()
    metrics = json.loads(json.dumps(maker.run.read_json("metrics.json")))
    for split in metrics["splits"].values():
        for of in split["per_class"].values():
            del of[youden], of["f0.5"]
    maker.publish("evaluate", {"metrics.json": metrics})
    assert "Youden" not in check(report.build(maker.run)).text
    show_split(metrics, "test", metrics["splits"]["test"])
    assert "Youden" not in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"metrics\.json has no 'youden_j'.*run evaluate again"):
        judge_gate(metrics, {youden: {"min": 0.1}})


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"gate": {"pr_aux": {"min": 0.1}}}, r"gate: there is no metric 'pr_aux'\. Did you mean 'pr_auc'\?"),
        ({"gate": {"expected_cost": {"max": 1}}}, r"gate\.expected_cost: no costs are given; set data\.cost"),
        ({"decide": {"threshold": {"maximize": "g_maen"}}}, r"decide\.threshold\.maximize: .*Did you mean 'g_mean'\?"),
        (
            {"decide": {"threshold": {"maximize": "accuracy"}}},
            r"decide\..*cannot maximize accuracy; it can maximize f1",
        ),
    ],
)
def test_unknown_names_are_errors_before_spark_starts(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        early.check(pipeline("/nowhere/t.parquet", **sections))


def test_metrics_of_two_classes_are_refused_with_more() -> None:
    words = r"gate\.iba: iba needs two classes, and the label has 3\. Metrics of more classes are: recall, "
    statistics: Mapping[str, Any] = {"classes": {name: {"count": 9} for name in "abc"}, "features": {}}
    with pytest.raises(ConfigError, match=words):  # in `profile`, which is the first to know the classes
        _check.check_classes(pipeline("/t", gate={"iba": {"min": 0.1}}), statistics)
    split = judged(*scored((500, 300, 100)), ("a", "b", "c"), None).to_json()
    with pytest.raises(ConfigError, match=words):
        judge_gate(document("p", "r", None, None, {"test": split}), {"iba": {"min": 0.1}})
    check_gate({"iba": {}}, classes=2)
    assert check_rule({"maximize": "mcc"}) == ("maximize", "mcc")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Youden J"}, "a name has lower-case letters"),
        ({"name": "macro"}, "holds something else"),
        ({"kind": "magic"}, "kind must be one of counts"),
        ({"scope": "split"}, "scope of kind counts must be one of class, positive"),
        ({"interval": "ranks"}, "interval of kind counts must be one of"),
        ({"interval": "proportion"}, "needs cells"),
        ({"cells": ("tp",)}, "needs cells, and nothing else has them"),
        ({"range": (1, 0)}, "range must be"),
        ({"range": (-math.inf, 1)}, "range must be"),
        ({"bounds": lambda pos, neg, tied: (0, 1)}, "only rankings have bounds"),
        ({"greater_is_better": False}, "cannot maximize what is better when less"),
        ({"kind": "ranking"}, "metrics of decisions only"),
    ],
)
def test_impossible_metrics_are_refused(change: dict[str, Any], said: str) -> None:
    given = {k: getattr(YOUDEN, k) for k in ("name", "kind", "value", "range", "maximize")}
    with pytest.raises(ConfigError, match=said):
        Metric(**{**BASE, **given, **change})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "counts", "value": lambda c: c.tp.sum()}, r"shapes \[\(2, 4\)\]. Got \[\(\)\] instead"),
        ({"kind": "ranking", "value": lambda pos, neg: pos.sum() / neg.sum()}, r"shapes \[\(2,\)\]. Got \[\(\)\]"),
        ({"kind": "loss", "value": lambda s: 1 - s, "range": (0, math.inf)}, r"Got \[\(4,\)\] instead"),
        (
            {"kind": "counts", "value": lambda c: c.missed},
            "failed on a sample: 'ConfusionCounts' object has no attribute",
        ),
    ],
)
def test_a_formula_is_tried_before_it_is_registered(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        register_metric(Metric(name="t.wrong", **BASE, **given))
    assert "t.wrong" not in metric_names()


@pytest.mark.filterwarnings("error")
def test_values_that_are_infinite_or_outside_of_the_range_end_no_run() -> None:
    wrong = (
        Metric(name="t.infinite", kind="counts", value=lambda c: c.tp / (0 * c.fp), **BASE),
        Metric(name="t.outside", kind="counts", value=lambda c: 1 + c.recall, **BASE),
        Metric(name="t.odds", kind="class_counts", value=lambda c: c.hits.sum(-1) / c.support.min(-1), **BASE),
    )
    for metric in wrong:
        register_metric(metric)
    try:
        label, score = scored((3_000, 400))
        split = split_of(label, score, score.argmax(axis=1), ("a", "b"))
    finally:
        for metric in wrong:
            unregister_metric(metric.name)
    own = split["per_class"]["b"]
    json.dumps(split, allow_nan=False)
    assert own["t.infinite"]["value"] is None and own["t.infinite"]["ci95"] is None
    for number in (own["t.outside"], split["t.odds"]):
        assert number["value"] > 1 and number["ci95"] is None
        assert number["note"] == "outside of the metric's range"


def test_names_are_taken_once(youden: str) -> None:
    with pytest.raises(ConfigError, match="there is a metric 'youden_j' already"):
        register_metric(YOUDEN)
    register_metric(YOUDEN, replace=True)
    for name in ("recall", "pr_auc"):
        with pytest.raises(ConfigError, match="already"):
            register_metric(Metric(name=name, kind="counts", value=lambda c: c.recall, **BASE), replace=True)
        with pytest.raises(ConfigError, match="own metrics, which stay"):
            unregister_metric(name)
    with pytest.raises(ConfigError, match=r"no metric 'youdn_j'\. Did you mean 'youden_j'"):
        unregister_metric("youdn_j")


def test_metrics_of_installed_packages_are_found(tmp_path: Path) -> None:
    """A new process, as a command or a stage is, with what a wheel leaves behind."""
    info = tmp_path / "their_metrics-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-metrics\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[steelyard.metrics]\nfdr = their_metrics:FDR\n")
    (tmp_path / "their_metrics.py").write_text(
        "from steelyard.metrics.registry import Metric, get_metric\n"
        "get_metric('recall')\n"  # a package may ask while it loads
        "FDR = Metric(name='fdr', label='FDR', description='wrong alarms', kind='counts',\n"
        "             value=lambda c: 1 - c.precision, greater_is_better=False)\n"
    )
    script = (
        "import sys; from steelyard.metrics import registry, check_gate, always_majority\n"
        "check_gate({'fdr': {}}); print(registry.get_metric('fdr').label)\n"
        "print([m for m in ('pyspark', 'pandas', 'scipy') if m in sys.modules])\n"
    )
    path = ":".join([str(tmp_path), *(p for p in sys.path if p)])
    ran = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert ran.stdout == "FDR\n[]\n", ran.stderr


def test_what_is_no_metric_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"entry point 'x' gives a str; it must give a Metric"):
        registry._add("youden", "entry point 'x'")


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"recall": {"min": 80}}, "gate.recall.min: 80 cannot be met, the greatest value of recall is 1"),
        ({"mcc": {"max_ci95": -2}}, "gate.mcc.max_ci95: -2 cannot be met, the least value of mcc is -1"),
        ({"log_loss": {"max": -1}}, "the least value of log_loss is 0"),
        ({"recall": {"min": 0.9, "max": 0.1}}, "gate.recall: min 0.9 is above max 0.1"),
    ],
)
def test_a_gate_that_nothing_passes_is_refused_before_the_run(bounds: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_gate(bounds)
    check_gate({"recall": {"min": 0.1, "max": 0.1}, "mcc": {"min": -1}, "log_loss": {"min": 90}})

"""The HTML report, from artifacts of runs of several kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import fs as pafs

from steelyard import report
from steelyard.metrics import BucketTable, ScoreTable, SplitMetrics, document
from steelyard.metrics._split import split_document
from steelyard.metrics.registry import metric_names
from steelyard.report import _confusion
from steelyard.report._charts import class_bars
from steelyard.report._inputs import _in_words
from steelyard.report._numbers import metric, percent
from steelyard.store import Outcome, RunDir, Store

NASTY = '<b onclick="x()">"fraud" & co</b>'
VOID = {"meta", "br", "hr", "img", "input", "link"}


def judged(label: np.ndarray, score: np.ndarray, classes: tuple[str, ...], threshold: float | None) -> SplitMetrics:
    """Return the metrics of scored rows: `label` numbers the classes, `score` has a column for each class."""
    positive = classes[1] if len(classes) == 2 else None
    decided = (score[:, 1] >= threshold).astype(int) if threshold is not None else score.argmax(axis=1)
    rng = np.random.default_rng(1)
    bucket = rng.integers(0, 200, len(label))
    costs = {"cost_fn": rng.gamma(2, 60, len(label)), "cost_fp": np.full(len(label), 5.0)} if positive else {}
    tables, pairs = {}, {}
    for i, name in enumerate(classes):
        if positive in (None, name):
            tables[name] = ScoreTable.from_rows(score[:, i], label == i, **costs)
            pairs[name] = (
                tables[name],
                BucketTable.from_rows(tables[name], score[:, i], label == i, decided == i, bucket, **costs),
            )
    confusion = {
        a: {d: int(((label == i) & (decided == j)).sum()) for j, d in enumerate(classes)} for i, a in enumerate(classes)
    }
    numbers = split_document(classes, positive, confusion, pairs, grouped=False)
    return SplitMetrics(numbers, tables, threshold)


def scored(counts: tuple[int, ...], seed: int, hard: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities of a model that is better than guessing."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(counts)), counts)
    margin = rng.normal(size=(len(label), len(counts))) + np.log(np.array(counts) / sum(counts))
    margin[np.arange(len(label)), label] += hard * (1 + (label > 0))
    odds = np.exp(margin)
    digits = 3 if len(counts) < 8 else 2  # few distinct scores make intervals quick
    return label, np.round(odds / odds.sum(axis=1, keepdims=True), digits)


@lru_cache
def made(
    counts: tuple[int, ...], seed: int, classes: tuple[str, ...], threshold: float | None, known: tuple[str, ...]
) -> SplitMetrics:
    """Return the metrics of made rows; intervals take a while, and most tests ask for the same."""
    return judged(*scored(counts, seed), classes, threshold)


class Maker:
    """Writes the artifacts of a run through the store."""

    def __init__(self, root: Path, classes: tuple[str, ...], counts: tuple[int, ...], label: str = "is_fraud") -> None:
        self.classes, self.counts, self.label = classes, counts, label
        self.positive = classes[1] if len(classes) == 2 else None
        self.threshold = 0.2 if self.positive else None
        gate = {"pr_auc": {"min": 0.5, "max": None}, "recall": {"min_ci95": 0.2}}
        manifest = {
            "pipeline": "card_fraud",
            "run_id": "r1",
            "config": {"name": "card_fraud", "data": {"path": "data/t.parquet", "label": label}, "gate": gate},
            "variables": {"date": "2026-07-01"},
            "versions": {"steelyard": "0.1.0", "pyspark": "4.3.0"},
            "created": "2026-07-01T04:05:06.789Z",
        }
        self.run: RunDir = Store(root).create("card_fraud", "r1", manifest)
        self._clock = 0

    def publish(self, stage: str, files: Mapping[str, Any], status: str = "done", **more: Any) -> None:
        """Write a stage's artifacts and its outcome."""
        times = [f"2026-07-01T04:{m:02d}:{s:02d}.000Z" for m, s in (divmod(self._clock + d, 60) for d in (0, 7))]
        self._clock += 9
        for path, content in files.items():
            self.run.write_json(path, content)
        self.run.publish(Outcome(stage, status, "a1", *times, **more), list(files) if status == "done" else [])

    def profile(self, **more: Any) -> None:
        rows = sum(self.counts)
        number = {"missing": 1, "mean": 5.0, "std": 2.0, "min": 0.5, "max": 900.0}
        middle = {"0.05": 1.0, "0.25": 2.0, "0.5": 4.0, "0.75": 8.0, "0.95": 30.0}
        empty = {"missing": 9, "mean": None, "std": None, "min": None, "max": None}
        of = {
            "amount": ("double", "numeric", {**number, "quantiles": middle}),
            "void": ("double", "numeric", {**empty, "quantiles": dict.fromkeys(middle)}),
            NASTY: ("string", "categorical", {"missing": 0, "distinct": 3, "top": [[NASTY, 40], ["web", 12]]}),
        }
        stats = {
            "rows": rows,
            "null_labels": 3,
            "label": self.label,
            "positive": self.positive,
            "imbalance_ratio": max(self.counts) / min(self.counts),
            "classes": {c: {"count": n, "share": n / rows} for c, n in zip(self.classes, self.counts, strict=True)},
            "features": {
                name: {"type": t, "kind": k, "constant": name == "void", "by_class": dict.fromkeys(self.classes, d)}
                for name, (t, k, d) in of.items()
            },
            **more,
        }
        self.publish("profile", {"profile/a1/stats.json": stats})

    def split(self) -> None:
        counts = {
            s: {c: round(n * share) for c, n in zip(self.classes, self.counts, strict=True)}
            for s, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2))
        }
        plan = {"method": "stratified", "seed": 7, "counts": counts, "deviations": {"test": {self.classes[0]: -2}}}
        self.publish("split", {"split/a1/plan.json": plan})

    def diagnose(self, **more: Any) -> None:
        name = self.classes[-1]
        share = {"rows": 50, "share": 0.25, "ci95": [0.2, 0.31]}
        types = {"k": 5, "rows": 4000, "sampled": 200, "limited": True, "different": 200}
        difficulty = {
            "class": name,
            "counts": {},
            "imbalance": {"ratio": 100.0},
            "types": {**types, **dict.fromkeys(("safe", "borderline", "rare", "outlier"), share)},
            "overlap": {"f1": 0.97, "feature": NASTY, "n3": {"rows": 120, "share": 0.6, "ci95": [0.5, 0.7]}},
            "contradictions": {"rows": 17, "of_class": 8, "patterns": 5},
            "suspects": [
                {
                    "feature": NASTY,
                    "why": "value",
                    "area": 0.998,
                    "entirely": False,
                    "missing": {"class": 0.0, "rest": 0.1},
                },
                {
                    "feature": "void",
                    "why": "missing",
                    "area": 0.95,
                    "entirely": False,
                    "missing": {"class": 0.0, "rest": 0.9},
                },
            ],
            "recommendation": {
                "method": "none",
                "params": {},
                "summary": f"Resample nothing for {name}.",
                "reasons": ["Half of them are outliers."],
                "warnings": ["8 rows of the class have the features of another."],
            },
        }
        self.publish("diagnose", {"diagnose/a1/difficulty.json": {**difficulty, **more}})

    def resample(self) -> None:
        classes = {
            c: {"before": round(n * 0.7), "after": max(round(n * 0.7), 500), "new": max(0, 500 - round(n * 0.7))}
            for c, n in zip(self.classes, self.counts, strict=True)
        }
        plan = {"sampler": "smote", "params": {"k_neighbors": 5, "sampling_strategy": 0.1}, "classes": classes}
        self.publish("resample", {"resample/a1/plan.json": plan})

    def guard(self, checkpoint: str, *, success: bool = True) -> None:
        results = [
            _expectation("expect_no_null_labels", self.label, success=success, message=f"observed {NASTY}"),
            _expectation("expect_column_to_exist", "amount", success=True, message="column 'amount' is there"),
        ]
        left_out = [{"expectation": "expect_row_count", "parameter": "rows"}]
        found = {"checkpoint": checkpoint, "suite": "raw.json", "success": success, "results": results, "docs": None}
        path = f"guards/a1/{checkpoint}.json"
        failed = {} if success else {"status": "failed", "kind": "guard", "message": f"guard {checkpoint!r} failed"}
        self.publish(f"guard_{checkpoint}", {path: {**found, "left_out": left_out}}, details={"report": path}, **failed)

    def train(self) -> None:
        chosen = {"value": self.threshold, "rule": {"maximize": "f2"}, "achieved": {}, "note": None}
        importances = [{"feature": "amount", "gain": 0.7}, {"feature": NASTY, "gain": 0.3}]
        details = {"model": "xgboost", "trees": 200, "calibration": "prior+platt", "importances": importances}
        tried = [("none", 0.02, 0.0, [0.0, 0.0]), ("platt", 0.0188, 0.0012, [0.0004, 0.002])]
        candidates = [dict(zip(("method", "log_loss", "gain", "ci95"), c, strict=True)) for c in tried]
        details |= {"candidates": candidates, "threshold": chosen if self.threshold else None}
        details |= {"uncertainty": {"rows": 4_000, "median_width": 0.0125}}
        self.publish("train", {}, details=details)

    def evaluate(self, test: SplitMetrics | None = None) -> None:
        shares, known = {"validation": 0.1, "test": 0.2}, tuple(metric_names())
        splits = {
            name: made(tuple(max(1, int(n * share)) for n in self.counts), i, self.classes, self.threshold, known)
            for i, (name, share) in enumerate(shares.items())
        }
        splits |= {"test": test} if test else {}
        numbers = {name: of.to_json() for name, of in splits.items()}
        found = document("card_fraud", "r1", self.positive, self.threshold, numbers)
        curves = {name: of.curves() for name, of in splits.items()}
        self.publish("evaluate", {"evaluate/a1/curves.json": curves, "metrics.json": found})

    def whole(self) -> RunDir:
        """Run all stages up to the report."""
        self.profile()
        self.guard("raw")
        self.split()
        self.diagnose()
        self.resample()
        self.train()
        self.evaluate()
        return self.run


def _expectation(name: str, column: str, *, success: bool, message: str) -> dict[str, Any]:
    expected: dict[str, Any] = {"max": 0}
    return {
        "expectation": name,
        "column": column,
        "success": success,
        "severity": "critical",
        "observed": 0 if success else 3,
        "expected": expected,
        "message": message,
    }


class Page(HTMLParser):
    """Checks that elements close in order, and collects what a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            assert not key.startswith("on"), f"{tag} has a handler"
            if key == "id":
                self.ids.append(value or "")
            if key in ("href", "src", "xlink:href", "action", "data", "poster", "srcset"):
                self.links.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", " ".join(self.words))


def check(html: str) -> Page:
    """Check what holds for every report; return the page."""
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert not re.search(r"https?://|url\(|@import|@font-face", html)
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan", "", html.lower())
    assert "None" not in page.text and "<b onclick" not in html
    return page


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    return Maker(tmp_path_factory.mktemp("two"), ("0", "1"), (40_000, 400)).whole()


def test_a_whole_run_has_every_section(two: RunDir) -> None:
    page = check(report.build(two))
    wanted = "verdict metrics curves decisions probabilities per-class classes splits difficulty guards features"
    assert set(page.ids) >= {*wanted.split(), "configuration", "run"}
    assert page.tags.count("svg") > 8 and "Not in this report" not in page.text
    for chart in ("pr", "roc", "thresholds", "calibration", "histogram", "classes", "importances"):
        assert {f"{chart}-title", f"{chart}-desc"} <= set(page.ids)


def test_numbers_are_those_of_the_artifacts(two: RunDir) -> None:
    page = check(report.build(two))
    test = two.read_json("metrics.json")["splits"]["test"]
    of = test["per_class"]["1"]
    hits, missed = test["confusion"]["1"]["1"], test["confusion"]["1"]["0"]
    assert f"Of 80 positives (is_fraud = 1) among 8,080 test rows, the model finds {hits}" in page.text
    assert f"actually 1 {missed} {percent(missed / 80)} {hits} {percent(hits / 80)} 80" in page.text
    for name in ("pr_auc", "roc_auc", "precision", "recall"):
        low, high = of[name]["ci95"]
        assert f"{of[name]['value']:.3f} {low:.3f} – {high:.3f}" in page.text, name
    assert "28,000 before" in page.text and "500 after" in page.text
    assert "220 synthetic" in page.text and "of them synthetic" not in page.text, "no stacked bars on a log scale"


def test_weighted_metrics_are_called_so(two: RunDir, tmp_path: Path) -> None:
    weighted = Maker(tmp_path, ("0", "1"), (4_000, 400))
    weighted.whole()
    manifest = weighted.run.manifest()
    weighted.run.update_manifest({**manifest, "config": {"data": {"label": "is_fraud", "weight": "w"}}})
    text = str(report.verdict(weighted.run))
    assert re.search(r"the model finds \d+ \([\d.]+\u202f% by weight\)", text)
    assert "Rows count their weight (column w) in shares, metrics and costs; numbers of rows do not." in text
    assert "weight" not in str(report.verdict(two))


def test_calibrations_that_were_compared_are_shown(two: RunDir) -> None:
    text = check(report.build(two)).text
    assert "Calibration: prior+platt." in text
    assert "intervals of probabilities have a median width of 0.0125, from 4,000 validation rows." in text
    assert "none 0.0200 – – platt 0.0188 0.00120 0.000400 – 0.00200 used" in text


def test_the_diagnosis_and_what_the_run_made_of_it(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (40_000, 400))
    maker.whole()
    page = check(report.build(maker.run))
    assert "200 of 4,000 were drawn by hash" in page.text and "More would cost too much" in page.text
    assert page.text.count(f"{percent(0.25)} ({percent(0.2)} – {percent(0.31)}), 50 rows") == 4
    assert "Suspected leaks" in page.text and "by whether it is missing" in page.text
    assert "17 rows have the features of a row of another class; 8 of them are of this class" in page.text
    took = "Resampling: smote, as configured; the diagnosis recommends none."
    assert took in page.text and f"{took} Resample nothing for 1. Half of them are outliers." in report.verdict(
        maker.run
    )
    maker.run.update_manifest({**maker.run.manifest(), "config": {"resample": {"method": "auto"}}})
    assert "Resampling: smote, as recommended (resample.method is auto)." in report.verdict(maker.run)
    exact = {"rows": 7, "share": 0.25, "ci95": [0.25, 0.25]}
    types = {"k": 5, "rows": 28, "sampled": 28, "limited": False, "different": 28}
    maker.diagnose(types={**types, **dict.fromkeys(("safe", "borderline", "rare", "outlier"), exact)}, suspects=[])
    page = check(report.build(maker.run))
    assert "All 28 were examined: the shares are exact" in page.text and f"{percent(0.25)}, 7 rows" in page.text
    assert "No single feature determines the label" in page.text


def test_a_split_by_time_shows_its_dates_and_what_the_gap_costs(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (40_000, 400))
    run = maker.whole()
    plan = run.read_json("split/a1/plan.json")
    times = {"train": ["2018-04-01", "2018-04-20"], "validation": ["2018-04-23", "2018-04-24"], "test": []}
    lost = {"0": 900, "1": 11}
    maker.publish(
        "split",
        {
            "split/a1/plan.json": {
                **plan,
                "method": "temporal",
                "time": "paid_at",
                "times": times,
                "counts": {**plan["counts"], "left_out": lost},
            }
        },
    )
    page = check(report.build(run))
    assert "first paid_at 2018-04-01 2018-04-23 – last paid_at 2018-04-20 2018-04-24 –" in page.text
    assert "The gap leaves out 911 rows (11 of class 1, 900 of class 0)" in page.text
    config = run.manifest()["config"]
    for more, words in (({"group": "customer"}, "whole groups of customer"), ({}, "whole days")):
        changed = {**config, "data": {**config["data"], **more}, "split": {"method": "temporal"}}
        run.update_manifest({**run.manifest(), "config": changed})
        assert f"95 % intervals (resampling {words}):" in report.verdict(run)
        assert f"Intervals resample {words}" in check(report.build(run)).text


def test_percentiles_of_a_sample_are_called_so(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (40_000, 400))
    for drawn, said in (({}, None), ({"0": 40_000, "1": 400}, None), ({"0": 9_000, "1": 400}, "9,000 of class 0.")):
        maker.profile(quantile_rows=drawn)
        text = check(report.build(maker.run)).text
        assert ("sample of rows" in text) == (said is not None)
        assert said is None or f"Percentiles come from a sample of rows that a hash draws: {said}" in text


def test_a_feature_that_gives_the_label_away_comes_first(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (40_000, 400))
    maker.whole()
    assert (
        f"{NASTY} (ROC area 0.998), void (ROC area 0.950, by whether it is missing) each almost determine"
        in report.verdict(maker.run)
    )
    leaks = [
        {"feature": NASTY, "why": "value", "area": 1.0, "entirely": True, "missing": {"class": 0.0, "rest": 0.0}},
        {"feature": "set", "why": "missing", "area": 0.9996, "entirely": True, "missing": {"class": 0.0, "rest": 1.0}},
    ]
    for suspects, words in ((leaks[:1], "alone determines the label"), (leaks, "each determine the label alone")):
        maker.diagnose(suspects=suspects)
        maker.evaluate(_few(80, 80))
        (first, tone), (second, _), *_ = report.judged(maker.run).lines()
        assert first.startswith(f"Suspected leak{'s' if len(suspects) > 1 else ''}: {NASTY} (ROC area 1.000)")
        assert words in first and tone == "bad" and "the model finds 80 (100" in second
    html = report.build(maker.run)
    assert 'class="verdict bad"' in html and check(html).text.index(first) < check(html).text.index("the model finds")
    # A critical guard that stops the run for it is said too; the warning isn't said twice.
    leak = _expectation("expect_no_feature_to_give_the_label_away", "y", success=False, message="too much")
    for severity, said in (("warning", False), ("critical", True)):
        found = {"success": severity != "critical", "results": [{**leak, "severity": severity}], "left_out": []}
        maker.publish("guard_resampled", {"guards/a1/resampled.json": found}, details={})
        assert ("too much" in report.verdict(maker.run)) == said


def test_the_verdict_is_the_same_in_plain_text(two: RunDir) -> None:
    words = report.verdict(two)
    assert words.splitlines()[0] in check(report.build(two)).text
    assert "The gate passed" in words and "<" not in words.replace(NASTY, "")


def test_the_gate_that_has_judged_is_believed(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    run = maker.whole()
    verdicts = [{"passed": False, "message": "recall is 0.1, demanded is at least 0.9"}]
    details = {"passed": False, "verdicts": verdicts}
    maker.publish("gate", {}, "failed", kind="guard", message="the gate failed", details=details)
    page = check(report.build(run))
    assert "The gate failed: recall is 0.1, demanded is at least 0.9." in page.text
    assert "verdict bad" in report.build(run)


def test_an_unknown_metric_in_the_gate_is_said(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.run.update_manifest({**maker.run.manifest(), "config": {"gate": {"recal": {"min": 0.1}}}})
    assert "there is no metric 'recal'" in check(report.build(maker.whole())).text


@pytest.mark.parametrize("label", [NASTY, "größe & <Länge>", "]]>", "{{ 7 * 7 }}"])
def test_labels_and_classes_are_escaped(tmp_path: Path, label: str) -> None:
    classes = (f"no {label}", label)
    page = check(report.build(Maker(tmp_path, classes, (3_000, 150), label=label).whole()))
    assert label in page.text and f"no {label}" in page.text


def test_many_classes_and_more_than_a_matrix_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = (45_000, 9_000, 3_000, 170, 50, 20, 7)
    maker = Maker(tmp_path, tuple(f"class {c}" for c in "abcdefg"), counts, label="kind")
    page = check(report.build(maker.whole()))
    assert "Among 7 classes" in page.text and "thresholds-title" not in page.ids
    assert "rarest class there, class g" in page.text
    assert "Not in this report" not in page.text
    assert _confusion._MOST_CELLS == 25  # metrics of so many classes take half a second
    monkeypatch.setattr(_confusion, "_MOST_CELLS", 6)
    page = check(report.build(maker.run))
    assert "With 7 classes, the 6 most frequent kinds of error" in page.text


@pytest.mark.parametrize("stage", ["profile", "resample", "train"])
def test_a_run_that_failed_says_so_first(tmp_path: Path, stage: str) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    for done in ("profile", "split", "resample", "train"):
        if done == stage:
            maker.publish(stage, {}, "failed", kind="input", message=f"column {NASTY} is missing")
            break
        getattr(maker, done)()
    page = check(report.build(maker.run))
    assert f"The run ended in stage {stage}. The input is wrong: column {NASTY} is missing" in page.text
    assert "Not in this report" in page.text and "metrics" in page.text.split("Not in this report")[1]
    assert ("splits" in page.ids) == (stage in ("resample", "train")) and "configuration" in page.ids
    assert report.verdict(maker.run).startswith(f"The run ended in stage {stage}")


def test_a_guard_that_said_no_shows_what_it_found(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.profile()
    maker.guard("raw", success=False)
    page = check(report.build(maker.run))
    assert "The run ended in stage guard_raw. The data failed a check: guard" in page.text
    assert f"Guard “raw” failed: observed {NASTY}" in page.text
    assert "no null labels" in page.text and "1 of 2 expectations met" in page.text


def test_a_failure_after_the_metrics_comes_before_them(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.whole()
    maker.guard("scored", success=False)
    lines = report.verdict(maker.run).splitlines()
    assert lines[0].startswith("The run ended in stage guard_scored") and "positives" in lines[1]
    assert "metrics" in check(report.build(maker.run)).ids


def test_a_run_that_has_only_begun(tmp_path: Path) -> None:
    page = check(report.build(Maker(tmp_path, ("0", "1"), (40, 20)).run))
    assert "The run has not begun." in page.text and "configuration" in page.ids


def _few(positives: int, hits: int) -> SplitMetrics:
    label = np.repeat([0, 1], [500, positives])
    score = np.where(label == 1, 0.0, 0.01)
    score[500 : 500 + hits] = 0.9
    return judged(label, np.stack([1 - score, score], axis=1), ("0", "1"), 0.5)


def test_too_few_positives_are_said_to_be_too_few(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.whole()
    maker.evaluate(_few(5, 3))
    text = check(report.build(maker.run)).text
    assert "too few positives for an interval" in text and "too few" in text


def test_a_model_without_alarms_and_one_that_guesses(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.whole()
    maker.evaluate(_few(40, 0))
    text = check(report.build(maker.run)).text
    assert "it raises no alarm" in text and "does not exclude guessing" in text
    assert "The gate failed" in text


def test_a_test_split_without_positives(tmp_path: Path) -> None:
    maker = Maker(tmp_path, ("0", "1"), (4_000, 200))
    maker.whole()
    maker.evaluate(_few(0, 0))
    assert "Of 0 positives" in check(report.build(maker.run)).text


def test_a_store_without_a_local_folder(two: RunDir, tmp_path: Path) -> None:
    memory = Store("bucket", filesystem=pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem()))
    there = memory.run("card_fraud", "r1")
    for path in two.files(""):
        there.write_bytes(path, two.read_bytes(path))
    assert there.local is None
    assert report.build(there) == report.build(two)


def test_bars_are_stacked_on_linear_scales_alone() -> None:
    drawn = class_bars({"0": 100, "1": 10}, {"0": 100, "1": 60}, {"1": 50})
    assert "linear scale" in drawn and "60 after, 50 of them synthetic" in drawn and "50 synthetic" not in drawn
    drawn = class_bars({"0": 10_000, "1": 10}, {"0": 10_000, "1": 60}, {"1": 50})
    assert "logarithmic scale" in drawn and "60 after<" in drawn and "50 synthetic<" in drawn


@pytest.mark.parametrize(
    ("value", "as_metric", "as_share"),
    [
        (2.78e-17, "0.000", "0 %"),
        (1e-8, "1.00 × 10⁻⁸", "< 0.0001 %"),
        (0.00005, "5.00 × 10⁻⁵", "0.005 %"),
        (0.001, "0.00100", "0.1 %"),
        (0.5, "0.500", "50.0 %"),
        (0.9999, "0.9999", "99.99 %"),
        (0.999998, "0.999998", "99.9998 %"),
        (1 - 1e-9, "1.000", "> 99.9999 %"),
        (1 - 1e-14, "1.000", "100 %"),
    ],
)
def test_numbers_are_rounded_as_people_write_them(value: float, as_metric: str, as_share: str) -> None:
    assert metric(value).replace("\u202f", " ") == as_metric
    assert percent(value).replace("\u202f", " ") == as_share


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        (None, "–"),
        (True, "yes"),
        (0.25, "0.250"),
        ({"rows": 1200, "share": 0.5}, "rows: 1,200, share: 50.0 %"),
        ({"counts": {"0": {"train": 70}}, "largest_deviation": 0}, "counts (0 (train: 70)), largest deviation: 0"),
        ({"train": ["2018-04-01", "2018-04-20"]}, "train: 2018-04-01, 2018-04-20"),
        ({"strange": {}}, "strange (none)"),
        ([], "none"),
    ],
)
def test_what_guards_observed_is_said_in_words(observed: object, words: str) -> None:
    assert _in_words(observed).replace("\u202f", " ") == words


def test_the_baseline_is_named_by_what_intervals_say() -> None:
    from steelyard.report._comparison import _verdict

    up, down, open_ = {"ci95": [0.1, 0.2]}, {"ci95": [-0.2, -0.1]}, {"ci95": [-0.1, 0.1]}
    assert _verdict({"pr_auc": up}) == "Better in PR area than the plain baseline on the test rows"
    assert _verdict({"pr_auc": up, "log_loss": down}).startswith("Better in PR area and worse in Log loss than")
    assert _verdict({"pr_auc": open_, "log_loss": {"ci95": None}}).startswith("No better than the plain baseline")


@pytest.mark.parametrize(
    ("verdict", "loss", "begin", "end"),
    [
        ("harms", [-0.3, -0.2], "The source harms", " to −0.200)."),
        ("harms", [0.2, 0.3], "The source harms", "It is better in log loss."),
        ("no gain shown", [-0.3, -0.2], "No gain", "It is worse in log loss."),
        ("gains", [-0.3, -0.2], "The source helps", "It is worse in log loss."),
        ("gains", [0.2, 0.3], "The source helps", " to 0.300)."),
    ],
)
def test_a_transfer_is_judged_in_words(verdict: str, loss: list[float], begin: str, end: str) -> None:
    from steelyard.report._transfer import transfer_sentence

    def side(area: float, loss: float) -> dict[str, Any]:
        return {"per_class": {"1": {"pr_auc": {"value": area}}}, "log_loss": {"value": loss}}

    gain = {"pr_auc": {"value": -0.15, "ci95": [-0.2, -0.1]}, "log_loss": {"value": -0.15, "ci95": loss}}
    document = {
        "positive": "1",
        "splits": {"test": side(0.7, 0.2)},
        "baseline": {"test": side(0.85, 0.05), "gain": gain},
        "transfer": {"metric": "pr_auc", "verdict": verdict},
    }
    text = transfer_sentence(document)
    assert text.startswith(begin) and text.endswith(end)
    assert "PR area 0.700 with transfer, 0.850 without (gain −0.150, 95 % interval −0.200 to −0.100);" in text

"""Which stages a change of the configuration concerns."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import pytest

from steelyard.config import ALL_STAGES, STAGE_TABLE, STAGES, PipelineConfig, load, stages_of
from steelyard.stages._order import changed_keys, dependents, fingerprint, first_reader

DATA = {"path": "t.parquet", "label": "y", "key": "id", "cost": {"false_negative": "amount", "false_positive": 4}}
DOCUMENT = {
    "version": 1,
    "name": "t",
    "data": DATA,
    "resample": {"method": "smote", "k_neighbors": 5},
}
FROM_EVALUATE = ["evaluate", "guard_scored", "report", "gate"]
FROM_DECIDE = ["decide", *FROM_EVALUATE]
FROM_TRAIN = ["train", *FROM_DECIDE]
FROM_RESAMPLE = ["resample", "guard_resampled", *FROM_TRAIN]
CHANGES = {
    "data.path=u.parquet": list(STAGES),
    "data.exclude=[a]": list(STAGES),
    "data.where='a > 0'": list(STAGES),
    "data.cost.false_positive=5": FROM_DECIDE,
    "data.sampling_rate={0: 0.1}": FROM_DECIDE,
    "data.slices=[kind]": FROM_EVALUATE,
    "decide.threshold=per_row_cost": FROM_DECIDE,
    "data.cost={matrix: {a: {b: 1}}}": FROM_RESAMPLE,  # the sampler interpolated the column of costs
    "decide.threshold={conformal_recall: 0.9}": FROM_TRAIN,  # XGBoost then stops on the other half of the rows
    "data.cost.false_negative=loss": FROM_RESAMPLE,
    "guards.raw=other.json": ["guard_raw", "report", "gate"],
    "guards.reference=old.json": ["guard_raw", "report", "gate"],
    "guards.split=other.json": ["guard_split", "report", "gate"],
    "guards.resampled=other.json": ["guard_resampled", "report", "gate"],
    "guards.scored=other.json": ["guard_scored", "report", "gate"],
    "guards.parameters={minority_share_min: 0.01}": [s for s in STAGES if s.startswith(("guard", "report", "gate"))],
    "split.seed=1": ["split", "guard_split", "diagnose", *FROM_RESAMPLE],
    "split.test=0.3": ["split", "guard_split", "diagnose", *FROM_RESAMPLE],
    "resample.k_neighbors=3": FROM_RESAMPLE,
    "resample.method=random_over_sampler": FROM_RESAMPLE,
    "resample.method=auto": FROM_RESAMPLE,
    "train.params={max_depth: 3}": FROM_TRAIN,
    "train.class_weight=balanced": FROM_TRAIN,
    "train.loss={focal: {gamma: 1}}": FROM_TRAIN,
    "train.cost_weights=true": FROM_TRAIN,
    "train.fold_models=none": FROM_TRAIN,
    "train.model=logistic_regression": ["diagnose", "guard_resampled", *FROM_TRAIN],
    "decide.threshold={value: 0.5}": FROM_DECIDE,
    "decide.calibrate=none": FROM_DECIDE,
    "gate.recall={min: 0.5}": ["report", "gate"],
    "airflow.retries=3": [],
    "spark.master=local[4]": [],
    "score={path: a, out: b}": [],
}


def concerned(old: PipelineConfig, new: PipelineConfig) -> list[str]:
    return list(dependents([s for s in stages_of(new) if fingerprint(s, old) != fingerprint(s, new)], new))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_concerns(change: str) -> None:
    document = DOCUMENT
    assert concerned(load(document), load(document, [change])) == CHANGES[change]


@pytest.mark.parametrize(
    ("method", "stages"),
    [
        ("none", FROM_DECIDE),
        ("random_under_sampler", FROM_DECIDE),
        ("random_over_sampler", FROM_DECIDE),
        ("tomek_links", FROM_DECIDE),
        ("smote_tomek", FROM_RESAMPLE),
        ("auto", FROM_RESAMPLE),
    ],
)
def test_a_cost_column_concerns_samplers_that_make_rows(method: str, stages: list[str]) -> None:
    with_costs = {**DOCUMENT, "resample": {"method": method}}
    without = {**DOCUMENT, "resample": {"method": method}, "data": {**DATA, "cost": {}}}
    assert concerned(load(without), load(with_costs)) == stages


def test_only_the_first_conformal_rule_trains_again() -> None:
    rule = "decide.threshold={conformal_recall: 0.9}"
    before = load(DOCUMENT, [rule])
    assert (
        concerned(before, load(DOCUMENT, ["decide.threshold={conformal_recall: {recall: 0.8, confidence: 0.9}}"]))
        == FROM_DECIDE
    )
    linear = {**DOCUMENT, "train": {"model": "logistic_regression"}}  # which reads no validation rows
    assert concerned(load(linear), load(linear, [rule])) == FROM_DECIDE


def test_a_recommended_sampler_follows_its_diagnosis() -> None:
    document = {**DOCUMENT, "resample": {"method": "auto"}}
    assert concerned(load(document), load(document, ["train.model=logistic_regression"])) == [
        "diagnose",
        *FROM_RESAMPLE,
    ]


def test_stages_read_earlier_ones_and_every_key_but_those_of_no_run_has_a_reader() -> None:
    for place, stage in enumerate(STAGE_TABLE):
        assert set(stage.reads) <= set(ALL_STAGES[:place])
    config, other = load(DOCUMENT), load(DOCUMENT).model_copy(update={"name": "u"})
    assert list(changed_keys(config, other)) == ["name"]
    sections = {key.split(".")[0] for key in config.to_json() if first_reader(key, ALL_STAGES) is None}
    # A section of which stages read single keys only has no reader as a whole.
    assert sections == {"version", "name", "guards", "spark", "airflow", "score", "monitor"}


def test_a_stage_with_a_section_is_there_if_the_pipeline_has_it() -> None:
    config = load({**DOCUMENT, "promote": {}})
    assert stages_of(load(DOCUMENT)) == STAGES and stages_of(config) == (*STAGES, "promote")
    assert concerned(config, load({**DOCUMENT, "promote": {}}, ["gate.recall={min: 0.5}"]))[-2:] == ["gate", "promote"]
    assert dependents(["gate"], config) == ("gate", "promote") and dependents(["gate"], load(DOCUMENT)) == ("gate",)
    assert fingerprint("promote", config) != fingerprint("promote", load(DOCUMENT, ["promote={margin: 0.1}"]))


def test_the_stages_of_a_task_follow_each_other() -> None:
    assert [name for name, _ in groupby(stage.task for stage in STAGE_TABLE)] == ["data", "model", "verdict"]


def test_the_documentation_shows_the_table() -> None:
    text = Path("docs/operations.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, flags=re.MULTILINE))
    for stage in STAGE_TABLE:
        keys, _, reads = rows[stage.name].partition(" | ")
        assert re.findall(r"`([^`]+)`", keys.split("but not")[0]) == list(stage.keys)
        assert tuple(re.findall(r"`(\w+)`", reads)) == stage.reads


COMPARED = {**DOCUMENT, "compare": {}, "resample": {"method": "auto"}, "train": {"model": "auto"}}


@pytest.mark.parametrize(
    ("document", "change", "stages"),
    [
        (COMPARED, "compare.folds=4", ["compare", *FROM_RESAMPLE]),
        (COMPARED, "data.cost.false_positive=5", ["compare", *FROM_RESAMPLE]),
        ({**DOCUMENT, "compare": {}}, "compare.folds=4", ["compare", "report", "gate"]),
        ({**DOCUMENT, "compare": {}, "resample": {"method": "auto"}}, "compare.folds=4", ["compare", *FROM_RESAMPLE]),
        ({**DOCUMENT, "compare": {}, "train": {"model": "auto"}}, "compare.folds=4", ["compare", *FROM_TRAIN]),
    ],
)
def test_a_comparison_concerns_what_follows_it(document: dict[str, object], change: str, stages: list[str]) -> None:
    assert concerned(load(document), load(document, [change])) == stages

"""What `steelyard schema` prints accepts every pipeline that is shown to users, and refuses slips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from prose import PAGES, blocks
from ruamel.yaml import YAML

from steelyard.config import DESCRIPTIONS, load
from steelyard.errors import ConfigError
from steelyard.stages.commands.check import check
from steelyard.stages.commands.schema import pipeline_schema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = pipeline_schema()
SMALL = {"version": 1, "name": "p", "data": {"path": "/t", "label": "y"}}


def shown() -> Iterator[Any]:
    """Pipelines, whole or a section, of the repository's YAML files and of YAML blocks in its pages."""
    for file in sorted(ROOT.glob("pipelines/*.yaml")):
        yield pytest.param(file.read_text(encoding="utf-8"), id=file.name)
    for page in PAGES:
        for kind, block, at in blocks(page):
            if kind == "yaml":  # with a file's name, it is a part of that file
                yield pytest.param(block, id=f"{page.name}-{at}")


def faults(document: Any) -> list[str]:
    found = Draft202012Validator(SCHEMA).iter_errors(json.loads(json.dumps(document, default=str)))
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("text", list(shown()))
def test_pipelines_that_are_shown_are_accepted(text: str) -> None:
    if "neural_network" in text:
        pytest.importorskip("torch")
    costly = {**SMALL, "data": {"path": "/t", "label": "y", "cost": {"false_positive": 1}}}
    document = {**costly, **YAML(typ="safe").load(text)}
    assert faults(document) == []
    check(load(json.dumps(document, default=str)))


def test_json_that_is_shown_is_json() -> None:
    found = [json.loads(text) for page in PAGES for kind, text, _ in blocks(page) if kind == "json"]
    assert len(found) >= 2


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("data", {"path": "/t", "label": "y", "positive": 1, "key": "id"}),
        ("data", {"path": ["/t", "/u"], "label": "y", "positive": True, "key": ["a", "b"], "exclude": "c"}),
        ("decide", {"threshold": {"maximize": "f1"}}),
        ("decide", {"threshold": {"value": 0.5}}),
        ("resample", {"method": "smote", "sampling_strategy": {"1": 50}, "k_neighbors": 3}),
        ("resample", {"method": "smoteenn", "cleaning_strategy": ["0"], "distinct_neighbors": None, "recall": 1}),
        ("resample", {"method": "auto"}),
        ("resample", {"method": "random_over_sampler", "shrinkage": {"1": 0.5}, "max_new_rows": None}),
        ("resample", {"method": "kmeans_smote", "kmeans_estimator": 3, "density_exponent": "auto"}),
        ("resample", {"method": "near_miss", "version": 3, "random_state": -1}),
        ("train", {"class_weight": {"1": 20}}),
        ("train", {"loss": {"class_balanced_focal": {"beta": "auto"}}}),
        ("train", {"params": {"max_depth": 3, "early_stopping_rounds": None, "gamma": 1}}),
        ("train", {"model": "logistic_regression", "params": {"regParam": 0}}),
        ("train", {"model": "my_package.MyTrainer", "params": {"anything": 1}}),
        ("airflow", {"start_date": "2026-01-01"}),
        ("gate", {"recall": {"min_ci95": 0.5}}),
    ],
)
def test_what_the_configuration_accepts_the_schema_accepts(section: str, value: Any) -> None:
    document = {**SMALL, section: value}
    load(json.dumps(document))
    assert faults(document) == []


@pytest.mark.parametrize(
    ("section", "value", "said"),
    [
        ("dta", {}, "'dta' was unexpected"),
        ("data", {"path": "/t"}, "'label' is a required property"),
        ("split", {"tset": 0.1}, "'tset' was unexpected"),
        ("resample", {"method": "smoet"}, "'smoet' is not valid under any"),
        ("resample", {"k_neighbors": 3}, "'k_neighbors' was unexpected"),
        ("resample", {"method": "smote", "k_neighbour": 3}, "'k_neighbour' was unexpected"),
        ("resample", {"method": "smote", "k_neighbors": 0}, "0 is less than the minimum of 1"),
        ("resample", {"method": "smote", "scale": "standart"}, "'standart' is not one of"),
        ("resample", {"method": "smote", "label_col": "y"}, "'label_col' was unexpected"),
        ("resample", {"method": "svmsmote", "svm_estimator": "svc"}, "'svc' is not valid under any"),
        ("train", {"model": "xgbost"}, "'xgbost' is not valid under any"),
        ("train", {"params": {"max_deph": 3}}, "'max_deph' was unexpected"),
        ("train", {"model": "xgboost", "params": {"max_depth": 0.5}}, "0.5 is not of type 'integer'"),
        ("train", {"model": "logistic_regression", "params": {"max_depth": 3}}, "'max_depth' was unexpected"),
        ("decide", {"calibrate": "magic"}, "'magic' is not one of"),
        ("decide", {"threshold": {"maximize": "accuracy"}}, "is not valid under any"),
        ("gate", {"pr_acu": {"min": 0.5}}, "'pr_acu' is not one of"),
        ("gate", {"pr_auc": {"least": 0.5}}, "'least' was unexpected"),
    ],
)
def test_slips_are_refused(section: str, value: Any, said: str) -> None:
    assert any(said in fault for fault in faults({**SMALL, section: value}))


def test_every_key_is_described_and_every_description_has_its_key() -> None:
    described = {path for path in DESCRIPTIONS if f'"{path.rpartition(".")[2]}"' in json.dumps(SCHEMA)}
    assert described == set(DESCRIPTIONS)
    plain = [
        name for of in SCHEMA["$defs"].values() for name, key in of["properties"].items() if "description" not in key
    ]
    assert plain == [] and all("description" in key for key in SCHEMA["properties"].values())
    with pytest.raises(ConfigError, match="unknown key"):
        load(json.dumps({**SMALL, "described": {}}))

"""The form of a DAG run: its defaults are the YAML's, and only what differs from them changes the pipeline."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from steelyard.airflow._params import form, overrides
from steelyard.config import PipelineConfig, load
from steelyard.sampling import check_sampler, sampler_names


def pipeline(resample: str) -> str:
    return f"{{version: 1, name: p, data: {{path: /t, label: y}}, split: {{seed: 7}}, resample: {resample}}}"


RATIO = pipeline("{method: smote, sampling_strategy: 0.1, k_neighbors: 3}")


def filled(config: PipelineConfig, **given: Any) -> str:
    params = ParamsDict(form(config))
    for name, value in given.items():
        params[name] = value
    return overrides(config, params.validate())


@pytest.mark.parametrize("resample", ["{}", "{method: auto}", "{method: smote, sampling_strategy: {b: 9}}"])
def test_an_untouched_form_changes_nothing(resample: str) -> None:
    assert filled(load(pipeline(resample))) == ""
    assert filled(load(RATIO)) == ""


def test_the_defaults_are_what_the_yaml_says() -> None:
    found = form(load(RATIO))
    assert {name: param.value for name, param in found.items()} == {"seed": 7, "sampler": "smote", "ratio": 0.1}
    assert sorted(found["sampler"].schema["enum"]) == sorted(["auto", *sampler_names()])
    assert form(load(pipeline("{method: none}")))["ratio"].value is None


def changed(text: str, **given: Any) -> PipelineConfig:
    return load(text, filled(load(text), **given).splitlines())


def test_a_seed_is_the_splits_and_the_trainers() -> None:
    made = changed(RATIO, seed=9)
    assert (made.split.seed, made.train.seed) == (9, 9)
    assert made.resample == load(RATIO).resample


def test_a_ratio_leaves_the_other_parameters() -> None:
    assert changed(RATIO, ratio=0.5).resample.params == {"sampling_strategy": 0.5, "k_neighbors": 3}


def test_another_sampler_has_no_parameter_of_the_first() -> None:
    made = changed(RATIO, sampler="random_under_sampler").resample
    assert (made.method, made.params) == ("random_under_sampler", {"sampling_strategy": 0.1})
    assert changed(RATIO, sampler="tomek_links", ratio=None).resample.params == {}
    for name in ("none", "auto"):
        assert changed(RATIO, sampler=name).resample.params == {}
    check_sampler(made.method, made.params)


@pytest.mark.parametrize("wrong", [{"seed": 1.5}, {"seed": None}, {"sampler": "smot"}, {"ratio": 0}, {"ratio": "a"}])
def test_what_is_no_seed_sampler_or_ratio_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParamValidationError):
        filled(load(RATIO), **wrong)


def test_a_sampler_that_the_registry_lacks_is_left_to_the_first_stage() -> None:
    assert filled(load(pipeline("{method: of_my_own}"))) == ""

"""Declarations of `data.domain`: contradictions are refused, before Spark starts."""

from __future__ import annotations

import json
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from steelyard.comparing._resample import Sampling
from steelyard.config import DataConfig, PipelineConfig, load
from steelyard.dataset import Dataset
from steelyard.domain import ColumnDomain, domain_of
from steelyard.errors import ConfigError, InputError
from steelyard.learning import trainer_class, trainer_names
from steelyard.learning._features import Category, Numeric
from steelyard.learning._preprocessing import Preprocessing
from steelyard.stages._feature_notes import feature_notes
from steelyard.stages._order import changed_keys, fingerprint
from steelyard.stages.commands.check import check
from steelyard.stats import ClassCounts, Summary

CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "declares nothing"),
    ({"integer": False}, "declares nothing"),
    ({"min": 2, "max": 1}, "min 2 is above max 1"),
    ({"min": 0.2, "max": 0.8, "integer": True}, "no whole number from 0.2 to 0.8"),
    ({"immutable": True, "derived": "a + b"}, "leave one out"),
    ({"derived": "a + '${env:HOME}'"}, "cannot hold"),
    ({"derived": "a + b", "min": 0}, "leave min, max and integer out"),
    ({"min": float("nan"), "integer": True}, "min must be a finite number"),
    ({"max": float("inf")}, "max must be a finite number"),
    ({"max": 10**400}, "max must be a finite number"),
    ({"min": Decimal("sNaN")}, "min must be a finite number"),
    ({"max": Decimal("1e400")}, "max must be a finite number"),
    ({"min": "3"}, "min must be a number. Got '3'"),
    ({"max": True}, "max must be a number. Got True"),
    ({"integer": "yes"}, "integer must be true or false"),
    ({"derived": " "}, "derived must be an SQL expression"),
    ({"derived": 5}, "derived must be an SQL expression"),
    ({"monotone": np.array([1, 2])}, "monotone must be 1 or -1"),
    ({"monotone": 2}, "monotone must be 1 or -1. Got 2"),
]


@pytest.mark.parametrize(("fields", "words"), CONTRADICTIONS)
def test_contradictions(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ColumnDomain(**fields)


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"min": np.float32(0.5), "integer": np.bool_(True)}, '{"min": 0.5, "integer": true}'),
        ({"min": Decimal("0.01"), "max": np.int64(4), "monotone": 1.0}, '{"min": 0.01, "max": 4, "monotone": 1}'),
        ({"max": Decimal(2**60 + 1)}, f'{{"max": {2**60 + 1}}}'),
    ],
)
def test_numbers_of_numpy_and_decimals(fields: dict[str, Any], written: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert json.dumps(ColumnDomain(**fields).to_json()) == written


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"a": None}, r"domain\.a is a mapping of min, .* Got None"),
        ({"a": {"minimum": 0}}, r"domain\.a has no field 'minimum'"),
        (["a"], "a domain is a mapping of feature to its fields"),
        ({"a": {"monotone": 0}}, r"domain\.a: monotone must be 1 or -1"),
    ],
)
def test_domains_of_a_mapping(given: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        domain_of(given)


def test_candidates_obey_the_domain_too() -> None:
    with pytest.raises(ConfigError, match=r"compare\.candidates\.k: data\.domain\.age\.immutable"):
        candidates = {"k": {"resample": {"method": "kmeans_smote"}}}
        check(_pipeline({"age": {"immutable": True}}, compare={"candidates": candidates}))


def _pipeline(domain: dict[str, Any], **more: Any) -> PipelineConfig:
    data = {"path": "x.csv", "label": "y", "key": ["id"], "categorical": ["zip"], "domain": domain}
    return load({"version": 1, "name": "p", "data": data, **more})


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ({"age": {"min": 2, "max": 1}}, "data.domain.age: min 2 is above max 1"),
        ({"age": {"monotone": 2}}, "data.domain.age.monotone"),
        ({"age": {"minimum": 2}}, "data.domain.age.minimum: unknown key"),
        ({"y": {"min": 0}}, "'y' has another role"),
        ({"id": {"min": 0}}, "'id' has another role"),
        ({"zip": {"monotone": 1}}, "'zip' is a category"),
    ],
)
def test_configuration(domain: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        _pipeline(domain)


def test_samplers_without_seed_rows() -> None:
    domain = {"age": {"immutable": True}}
    check(_pipeline(domain, resample={"method": "smote"}))
    check(_pipeline(domain, resample={"method": "one_sided_selection"}))
    for method in ("kmeans_smote", "svmsmote", "cluster_centroids"):
        with pytest.raises(ConfigError, match=r"data\.domain\.age\.immutable"):
            check(_pipeline(domain, resample={"method": method}))


@pytest.mark.parametrize("name", trainer_names())
def test_trainers_refuse_what_they_cannot_obey(name: str) -> None:
    if name == "neural_network":
        pytest.importorskip("torch")
    pipeline = _pipeline({"age": {"monotone": 1}}, train={"model": name})
    if trainer_class(name).takes_monotone:
        check(pipeline)
        with pytest.raises(ConfigError, match=r"data\.domain\.age\.monotone is for two classes, and the label has 3"):
            trainer_class(name).check_domain(pipeline.data.domains, 3)
        return
    with pytest.raises(ConfigError, match=rf"data\.domain\.age\.monotone: {name} cannot obey it; take xgboost"):
        check(pipeline)


def test_rows_that_are_made_in_memory() -> None:
    bounds, direction = {"age": ColumnDomain(min=0)}, {"age": ColumnDomain(monotone=-1)}
    with pytest.raises(ConfigError, match=r"data\.domain\.age: the rows that smoteboost makes"):
        check(_pipeline({"age": {"min": 0}}, train={"model": "smoteboost"}))
    assert Sampling.knows("smote", {}) and Sampling.knows("smote", {}, direction)
    assert not Sampling.knows("smote", {}, bounds) and Sampling.knows("random_under_sampler", {}, bounds)
    with pytest.raises(ConfigError, match=r"data\.domain\.age\.monotone and compare"):
        _pipeline({"age": {"monotone": -1}}, compare={})


def test_directions_of_columns() -> None:
    features = (Numeric("a", "number", indicator=True), Category("c", ("x", "y")), Numeric("b", "number"))
    fitted = Preprocessing(features)
    assert fitted.directions({"b": -1, "a": 1}) == (1, 0, 0, 0, -1)
    assert fitted.directions({}) == ()


def test_documents() -> None:
    plain = Dataset("y", ("age", "sex"))
    assert "domain" not in plain.to_json()
    known = Dataset("y", ("age", "sex"), domain={"age": ColumnDomain(min=0, integer=True)})
    assert known.to_json()["domain"] == {"age": {"min": 0, "integer": True}}
    assert Dataset.from_json(known.to_json()) == known
    assert DataConfig(path="x", label="y", domain={"age": {"max": 9}}).domain["age"].domain() == ColumnDomain(max=9)


def test_notes_on_values_outside_the_bounds() -> None:
    by_class = {"0": {"min": 1.0, "max": 5.0}, "1": {"min": 3.0, "max": 9.0}, "2": {"min": None, "max": None}}
    features = {name: {"by_class": by_class} for name in "abc"}
    domain = {"a": ColumnDomain(min=1, max=9), "b": ColumnDomain(max=8), "c": ColumnDomain(monotone=1)}
    found: list[str] = []
    summary = Summary(ClassCounts({"0": 5, "1": 4, "2": 3}), features)
    feature_notes(Dataset("y", ("a", "b", "c"), domain=domain), summary, found.append)
    assert len(found) == 1
    assert found[0].startswith("data.domain.b: the table has values from 1 to 9, outside the bounds")


def test_notes_on_numbers_that_single_precision_does_not_distinguish() -> None:
    values = {
        "far": (1e15, 1e15 + 4, 1e15 + 9),
        "seconds": (1.70e9, 1.71e9, 1.73e9),
        "nanos": (1.7e18, 1.7e18 + 1e12, 1.7e18 + 3.6e12),
        "one": (1e15, 1e15, 1e15),
        "months": (202401, 202401, 202402),
        "years": (-2019, -2018.5, -2018),
        "days": (20260101, 20260117, 20260131),
        "cents": (5_000_000, 5_000_010.01, 5_000_020),
        "dollars": (5_000_000, 5_000_010, 5_000_020),
        "tiny": (0.0, 5e-324, 5e-324),
        "huge": (-1.7e308, 0.0, 1.7e308),
    }
    features = {
        name: {"by_class": {"0": {"min": low, "max": high, "quantiles": {"0.5": middle, "0.95": None}}}}
        for name, (low, middle, high) in values.items()
    }
    found: list[str] = []
    feature_notes(Dataset("y", tuple(features)), Summary(ClassCounts({"0": 500}), features), found.append)
    assert [note.split("'")[1] for note in found] == ["far", "nanos", "days", "cents"]
    assert "from 20260101 to 20260131, of which single precision, as XGBoost reads numbers, distinguishes" in found[2]
    assert "distinguishes about 16;" in found[2]
    assert abs(len({float(np.float32(v)) for v in range(20260101, 20260132)}) - 16) <= 1


def test_notes_on_numbers_that_are_text() -> None:
    def category(levels: list[str], distinct: int, kind: str = "string") -> dict[str, Any]:
        return {"type": kind, "by_class": {"0": {"distinct": distinct, "top": [[level, 9] for level in levels]}}}

    features = {
        "price": category(["1.5", "2", "3", "4", "7"], 5),
        "count": category(["1", "2", "3", "4", "5"], 60),
        "grade": category(["1", "2", "3", "4", "5"], 5),
        "zip": category(["01067", "10115", "20095", "50667", "80331"], 90),
        "years": category(["1987", "1990", "1999", "2001", "2014"], 60),
        "phones": category(["+49 151", "+49 160", "+49 171", "+49 172", "+49 175"], 60),
        "versions": category(["1.1", "1.10", "1.2", "2.0", "3.1"], 5),
        "mixed": category(["1.5", "2", "3", "4", "low"], 60),
        "whole": category(["1", "2", "3", "4", "5"], 60, "bigint"),
    }
    found: list[str] = []
    data = Dataset("y", tuple(features), tuple(features))
    feature_notes(data, Summary(ClassCounts({"0": 500}), features), found.append)
    assert [note.split("'")[1] for note in found] == ["price", "count"]
    assert "its values are numbers, such as '1.5'; unless they are codes, make numbers of them" in found[0]


def test_stages_of_runs_without_a_domain_are_not_repeated() -> None:
    """The key is not among those that stages read where it is empty, as in runs of versions that did not have it."""
    without, known = _pipeline({}), _pipeline({"age": {"min": 0}})
    changed = changed_keys(without, known)
    assert "data.domain" not in changed and changed["data.domain.age.min"] == (None, 0)
    assert fingerprint("profile", without) != fingerprint("profile", known)

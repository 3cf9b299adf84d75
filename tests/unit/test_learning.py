"""Trainers' names and parameters, and what an XGBoost worker does with its rows: no JVM."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb
from modules import skip_without
from pydantic import Field, model_validator
from sklearn.base import BaseEstimator

from steelyard.classifier._fold_models import _of_fold
from steelyard.config import Recipe
from steelyard.dataset import Dataset
from steelyard.domain import domain_of
from steelyard.errors import ConfigError, InputError
from steelyard.learning import (
    Parameters,
    Trainer,
    check_trainer,
    get_trainer,
    trainer_class,
    trainer_names,
    trainer_parameters,
)
from steelyard.learning._checks import check_start_table
from steelyard.learning._features import Category, Numeric
from steelyard.learning._local_formats import LocalFormat
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._saving_probe import saving_fault
from steelyard.learning._xgboost_worker import Rows, Task, collect, train_booster

BOOSTER = {"objective": "binary:logistic", "eval_metric": "logloss", "max_depth": 3, "nthread": 1, "max_bin": 256}


@pytest.mark.parametrize("name", trainer_names())
def test_no_parameter_is_fine(name: str) -> None:
    if name == "neural_network":
        skip_without("torch")
    check_trainer(name)
    check_trainer(name, {})


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("xgbost", {}, "there is no trainer 'xgbost'. Did you mean 'xgboost'?"),
        ("xgboost", {"max_deph": 3}, "xgboost has no parameter 'max_deph'. Did you mean 'max_depth'?"),
        (
            "xgboost",
            {"max_depth": "6"},
            "train.params.max_depth must be an integer of at least 0 and at most 1000. Got '6' instead.",
        ),
        ("xgboost", {"n_estimators": 10**9}, "at most 100000"),
        ("xgboost", {"max_depth": 6.5}, "Got 6.5 instead"),
        ("xgboost", {"max_depth": True}, "Got True instead"),
        ("xgboost", {"n_estimators": 0}, "an integer of at least 1"),
        ("xgboost", {"learning_rate": 0}, "a number above 0"),
        ("xgboost", {"learning_rate": float("nan")}, "Got nan instead"),
        ("xgboost", {"subsample": 1.5}, "a number above 0 and at most 1"),
        ("xgboost", {"grow_policy": "random"}, "one of depthwise, lossguide"),
        ("xgboost", {"n_estimators": None}, "Got None instead"),
        ("xgboost", {"eta": 0.1}, "write learning_rate"),
        ("xgboost", {"objective": "rank:map"}, "train.params.objective is not for xgboost"),
        ("logistic_regression", {"reg_param": 1}, "Did you mean 'regParam'?"),
        ("logistic_regression", {"C": 1}, "write regParam"),
        ("logistic_regression", {"elasticNetParam": 2}, "at most 1"),
        ("logistic_regression", {"fitIntercept": 1}, "must be true or false. Got 1 instead."),
        ("random_forest", {"maxDepth": 31}, "train.params.maxDepth must be an integer of at least 0 and at most 30."),
        ("random_forest", {"n_estimators": 5}, "train.params.n_estimators is not for random_forest: write numTrees"),
        (
            "random_forest",
            {"featureSubsetStrategy": "some"},
            "must be one of all, onethird, sqrt, log2 or an integer of at least 1 or a number above 0 and at most 1. "
            "Got 'some' instead.",
        ),
        ("gradient_boosted_trees", {"numTrees": 5}, "has no parameter 'numTrees'"),
        ("gradient_boosted_trees", {"maxIter": 0}, "an integer of at least 1"),
        ("gradient_boosted_trees", {"lossType": "x"}, "it is always logistic"),
        (
            "balanced_bagging",
            {"estimator": "sklearn.neighbors.KNeighborsClassifier", "estimator_params": {"algorithm": "kd_tree"}},
            "KNeighborsClassifier cannot be used: a saved model has types that are not trusted",
        ),
        ("balanced_random_forest", {"oob_score": True, "replacement": False}, "oob_score needs replacement: true"),
        ("balanced_bagging", {"estimator": "sklearn.ensemble.VotingClassifier"}, "needs the parameter 'estimators'"),
        (
            "AdaBoost bags",
            {"estimator": {"estimator": "decision_tree", "parms": {}}},
            "has no 'parms'. Did you mean 'params'?",
        ),
        ("AdaBoost bags", {"estimator": {"estimator": "decision_tree", "params": {"max_depth": "x"}}}, "Got 'x'"),
        (
            "AdaBoost bags",
            {"estimator": {"estimator": "decision_tree", "params": {"class_weight": {"a": 2}}}},
            "estimator_params: class_weight can't be a map",
        ),
    ],
)
def test_what_a_trainer_does_not_take(name: str, params: dict[str, object], message: str) -> None:
    if name == "AdaBoost bags":
        name, params = "balanced_bagging", {"estimator": "ada_boost", "estimator_params": params}
    with pytest.raises(ConfigError) as caught:
        check_trainer(name, params)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sklearn.neighbors.KNeighborsClassifier", {}),  # saved above 15 features
        ("sklearn.ensemble.HistGradientBoostingClassifier", {"monotonic_cst": {0: 1, "1": 0}}),  # keys without an order
    ],
)
def test_estimators_that_the_training_judges(name: str, params: dict[str, object]) -> None:
    check_trainer("balanced_bagging", {"estimator": name, "estimator_params": params})


class Costly(BaseEstimator):  # type: ignore[misc]
    """A classifier of a type that is not trusted, which needs what steelyard supplies."""

    fits: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, random_state: int, n_jobs: int, n_estimators: int = 1000) -> None:
        self.random_state, self.n_jobs, self.n_estimators = random_state, n_jobs, n_estimators

    def fit(self, X: np.ndarray, y: np.ndarray) -> None:
        self.fits.append((X.shape[1], self.n_estimators))


def test_an_estimator_is_checked_with_few_and_many_features_and_few_iterations() -> None:
    estimator = LocalFormat(Costly, {}, "estimator")
    assert (estimator.new(7).random_state, estimator.new(7).n_jobs) == (7, 1)
    assert "Costly cannot be used: a saved model has types that are not trusted" in (saving_fault(estimator) or "")
    assert Costly.fits == [(3, 5), (32, 5)]


def test_defaults_of_the_own_estimator_are_not_those_of_another() -> None:
    assert get_trainer("rusboost").params["estimator_params"] == {"max_depth": 3}
    other = get_trainer("rusboost", {"estimator": "sklearn.naive_bayes.GaussianNB"})
    assert other.params["estimator_params"] == {}
    assert get_trainer("rusboost", {"estimator": "xgboost", "estimator_params": {"max_depth": 2}}).params[
        "estimator_params"
    ] == {"max_depth": 2}


def test_two_classes_only() -> None:
    boosted = trainer_class("gradient_boosted_trees")
    boosted.check_classes(["0", "1"])
    with pytest.raises(
        ConfigError, match=r"^train\.model: gradient_boosted_trees takes two classes, .* has 3: '0', '1'"
    ):
        boosted.check_classes(["0", "1", "2"])
    trainer_class("random_forest").check_classes(["0", "1", "2"])


def test_defaults_are_filled_in_and_null_switches_early_stopping_off() -> None:
    trainer = get_trainer("xgboost", {"max_depth": 3, "gamma": None})
    assert trainer.params == {
        "n_estimators": 200, "early_stopping_rounds": 20, "learning_rate": 0.1, "max_depth": 3, "max_bin": 256
    }, "XGBoost's own defaults stay XGBoost's"  # fmt: skip
    assert trainer.needs_validation
    never = get_trainer("xgboost", {"early_stopping_rounds": None})
    assert never.params["early_stopping_rounds"] is None and not never.needs_validation
    assert get_trainer("logistic_regression", {"regParam": 0}).params["regParam"] == 0


class Odd(Parameters):
    """Parameters of types that the built-in trainers do not have."""

    layers: list[int] = Field([8], min_length=1)
    rate: float | Literal["auto"] = "auto"
    name: str | None = None
    depth: int

    @model_validator(mode="after")
    def _fits(self) -> Odd:
        if self.layers == [1]:
            raise ValueError("layers [1] needs a depth of 2")
        return self


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "train.params.depth is missing; it has no default"),
        ({"depth": 1, "layers": [2, "a"]}, "train.params.layers.1: Input should be a valid integer. Got 'a' instead."),
        ({"depth": 1, "rate": "fast"}, "train.params.rate must be a number or one of auto. Got 'fast' instead."),
        ({"depth": 1, "layers": [1]}, "train.params: layers [1] needs a depth of 2"),
        ({"depth": 0.5, "name": 3}, "train.params.name must be a text. Got 3 instead.\ntrain.params.depth must be an"),
    ],
)
def test_what_parameters_of_other_types_say(params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Odd.parse("odd", params)
    assert str(caught.value).startswith(message)


def test_a_trainer_of_another_precision_is_refused() -> None:
    with pytest.raises(TypeError, match="Half.dtype must be one of float32, float64. Got 'float16' instead"):
        type("Half", (Trainer,), {"dtype": "float16"})
    derived = type("Mine", (trainer_class("xgboost"),), {"__module__": "mine"})
    assert derived.name == "mine.Mine", "a saved model must find its own trainer"  # type: ignore[attr-defined]


def test_a_library_that_is_not_installed_is_named_with_the_extra() -> None:
    base = trainer_class("xgboost")
    lone = type("Lone", (base,), {"libraries": ("numpy", "no-such-library")})
    with pytest.raises(ConfigError, match="needs no-such-library, which is not installed: install no-such-library"):
        lone.check_installed()  # type: ignore[attr-defined]
    extra = type("Extra", (lone,), {"extra": "deep", "name": "extra"})
    with pytest.raises(ConfigError, match=r"extra needs no-such-library, .* install steelyard\[deep\]"):
        extra.check_installed()  # type: ignore[attr-defined]


def test_every_parameter_is_one_that_the_library_knows_and_is_described() -> None:
    assert set(trainer_parameters("xgboost").model_fields) <= set(xgb.XGBClassifier().get_params())
    for name in trainer_names():
        of = trainer_parameters(name)
        assert all(field.description for field in of.model_fields.values())
        assert all(of.allowed().values())
        assert not set(of.elsewhere) & set(of.model_fields)


def some_rows(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=n) > 1).astype(np.float32)
    return Rows(x, y, np.ones(n, np.float32))


def test_a_lone_worker_trains_what_xgboost_trains() -> None:
    rows = some_rows(500, 0)
    booster, losses = train_booster(rows, some_rows(0, 1), Task(BOOSTER, rounds=15, features=4))
    ours = xgb.Booster()
    ours.load_model(bytearray(booster))
    theirs = xgb.train(BOOSTER, xgb.QuantileDMatrix(rows.features, rows.label), 15)
    assert losses == []
    assert np.array_equal(ours.inplace_predict(rows.features), theirs.inplace_predict(rows.features))


def test_early_stopping_keeps_the_rounds_up_to_the_best() -> None:
    task = Task({**BOOSTER, "learning_rate": 0.5}, rounds=300, features=4, patience=5)
    booster, losses = train_booster(some_rows(300, 0), some_rows(300, 1), task)
    model = xgb.Booster()
    model.load_model(bytearray(booster))
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 5 < 300
    assert model.num_boosted_rounds() == best + 1


def test_validation_rows_are_judged_as_by_bins() -> None:
    rows, judges = some_rows(500, 0), some_rows(400, 1)
    for each in (rows, judges):
        each.features[:, 1] = np.round(each.features[:, 1], 1)  # many equal values
        each.features[::7, 2] = np.nan
    how = {**BOOSTER, "learning_rate": 0.3}
    booster, losses = train_booster(rows, judges, Task(how, rounds=200, features=4, patience=10))
    history: dict[str, dict[str, list[float]]] = {}
    of_rows = xgb.QuantileDMatrix(rows.features, rows.label)
    of_judges = xgb.QuantileDMatrix(judges.features, judges.label, ref=of_rows)
    evals = [(of_judges, "validation")]
    theirs = xgb.train(
        how, of_rows, 200, evals=evals, evals_result=history, early_stopping_rounds=10, verbose_eval=False
    )
    assert losses == history["validation"]["logloss"]
    assert len(losses) < 200
    assert booster == bytes(theirs[: theirs.best_iteration + 1].save_raw("ubj"))


def test_weights_reach_the_trees() -> None:
    rows = some_rows(300, 0)
    heavy = Rows(rows.features, rows.label, np.where(rows.label == 1, 10, 1).astype(np.float32))
    task = Task(BOOSTER, rounds=10, features=4)
    means = []
    for each in (rows, heavy):
        model = xgb.Booster()
        model.load_model(bytearray(train_booster(each, some_rows(0, 1), task)[0]))
        means.append(model.inplace_predict(rows.features).mean())
    assert means[1] > means[0] + 0.1


def batch(features: list[list[float]], validation: list[bool]) -> pa.RecordBatch:
    n = len(features)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(features, pa.list_(pa.float32())),
            pa.array([1.0] * n),
            pa.array([2.0] * n),
            pa.array(validation),
        ],
        names=["features", "label", "weight", "validation"],
    )


def test_a_worker_collects_its_batches_in_order() -> None:
    nan = float("nan")
    train, validation = collect(iter([batch([[1, 2], [3, nan]], [False, True]), batch([[5, 6]], [False])]), 2)
    assert train.features.tolist() == [[1, 2], [5, 6]]
    assert validation.features[0, 0] == 3 and np.isnan(validation.features[0, 1])
    assert train.weight.tolist() == [2, 2] and validation.label.tolist() == [1]


def test_a_worker_without_rows_still_has_matrices() -> None:
    train, validation = collect(iter([]), 3)
    assert train.features.shape == validation.features.shape == (0, 3)


def test_a_fold_reduces_maps_of_class_to_rows_in_any_form_of_the_classes() -> None:
    params = {"sampling_strategy": {False: 100, True: 50}}
    recipe = Recipe.of({"train": {"model": "balanced_bagging", "params": params}})
    assert _of_fold(recipe, {"false": 0.5, "true": 1.0}).train.params == {"sampling_strategy": {False: 50, True: 50}}


def test_a_network_continues_with_its_monotone_features_only() -> None:
    skip_without("torch")
    from safetensors.numpy import save

    columns, classes = (Numeric("a", "number", indicator=True), Numeric("b", "number")), ("0", "1")
    trainer, made = get_trainer("neural_network"), trainer_class("neural_network").model_class()
    free, known = (
        made("neural_network", {}, classes, classes, Preprocessing(columns), weights=save(arrays))
        for arrays in ({}, {"monotone.signs": np.array([1, 0, -1], np.float32)})
    )
    data = Dataset("y", ("a", "b"), classes=classes)
    same = replace(data, domain=domain_of({"b": {"monotone": -1}, "a": {"monotone": 1, "min": 0}}))
    check_start_table(trainer, free, data)
    check_start_table(trainer, known, same)
    message = r"start was trained with the monotone features \{'a': 1, 'b': -1\}, data\.domain declares \{\}"
    with pytest.raises(InputError, match=message):
        check_start_table(trainer, known, data)
    with pytest.raises(InputError, match=r"features \{\}, data\.domain declares \{'b': -1, 'a': 1\}"):
        check_start_table(trainer, free, same)


def test_booleans_are_categories_of_a_table_and_numbers_of_a_model() -> None:
    """A booster with a boolean feature goes on from a table with it; other kinds must agree."""
    columns = (Numeric("a", "number"), Numeric("flag", "boolean"), Category("kind", ("web", "shop")))
    classes = ("0", "1")
    start = trainer_class("xgboost").model_class()(
        "xgboost", {"loss": "log_loss"}, classes, classes, Preprocessing(columns)
    )
    names = tuple(feature.column for feature in columns)
    for categories in (("flag", "kind"), ("kind",)):  # of a pipeline, and of a dataset made by hand
        check_start_table(get_trainer("xgboost"), start, Dataset("y", names, categories, classes=classes))
    with pytest.raises(InputError, match="their order is negative, positive"):
        check_start_table(get_trainer("xgboost"), start, Dataset("y", names, ("kind",), classes=("1", "0")))
    with pytest.raises(InputError, match=r"not in both: \['kind'\]"):
        check_start_table(get_trainer("xgboost"), start, Dataset("y", names, ("flag",), classes=classes))

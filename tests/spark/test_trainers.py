"""Every trainer passes every check of `steelyard.testing`, one from outside the package included."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from long_cases import thinned
from pyspark.sql import SparkSession
from toy_trainer import NaiveBayes

from steelyard import learning
from steelyard.dataset import Dataset
from steelyard.errors import ConfigError
from steelyard.learning import MarginModel, _preprocessing, check_trainer, get_trainer, trainer_names
from steelyard.learning._workers import LARGE
from steelyard.testing import TRAINER_CHECKS
from steelyard.testing._check_trainers import DATA, MakeTrainer, fitted, model_of, parts, probabilities, trainer_table

SMALL = {"n_estimators": 12, "max_depth": 3, "early_stopping_rounds": None}
MEMBER_TREE = {"max_depth": 3}
MEMBER = {"n_estimators": 8, "max_depth": 3}
FOREST = {"numTrees": 10, "maxDepth": 4, "maxBins": 32}
BOOSTED = {"maxIter": 8, "maxDepth": 3, "maxBins": 32}
NETWORK = {"width": 16, "blocks": 1, "epochs": 20, "batch_size": 64, "learning_rate": 0.01}
MAKE: dict[str, MakeTrainer] = {
    "random_forest": partial(get_trainer, "random_forest", FOREST),
    "gradient_boosted_trees": partial(get_trainer, "gradient_boosted_trees", BOOSTED),
    "neural_network": partial(get_trainer, "neural_network", NETWORK),
    "xgboost": partial(get_trainer, "xgboost", SMALL),
    "balanced_bagging": partial(get_trainer, "balanced_bagging", {"n_estimators": 3, "estimator_params": MEMBER}),
    "balanced_random_forest": partial(get_trainer, "balanced_random_forest", {"n_estimators": 10, "max_depth": 4}),
    "easy_ensemble": partial(get_trainer, "easy_ensemble", {"n_estimators": 3, "rounds": 20, "max_depth": 2}),
    "logistic_regression": partial(get_trainer, "logistic_regression"),
    "rusboost": partial(get_trainer, "rusboost", {"n_estimators": 4}),
    "self_paced_ensemble": partial(
        get_trainer, "self_paced_ensemble", {"n_estimators": 4, "estimator_params": MEMBER_TREE}
    ),
    "smoteboost": partial(get_trainer, "smoteboost", {"n_estimators": 3}),
    "toy": NaiveBayes,
}
PATH = "toy_trainer.NaiveBayes"
TOY = Path(__file__).resolve().parents[1] / "toy_trainer.py"
TOY_NEEDS = ("Model", "Parameters", "Trainer", "TrainingData", "repartition_by_content", "shared_fields")


def test_all_trainers_are_checked() -> None:
    assert set(trainer_names()) == set(MAKE) - {"toy"}


@pytest.mark.parametrize("check", TRAINER_CHECKS)
@pytest.mark.parametrize("name", thinned(MAKE, ["xgboost"]))
def test_checks(name: str, check: str, spark: SparkSession) -> None:
    if name == "neural_network":
        pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    TRAINER_CHECKS[check](MAKE[name], spark)


class Unfaithful(NaiveBayes):
    """Claims what it does not do."""

    exact = True
    continues = True


@pytest.mark.parametrize("check", ["declarations", "start", "save_and_load"])
def test_a_faulty_trainer_is_found(check: str, spark: SparkSession) -> None:
    class Local(Unfaithful):
        """Cannot be imported, so no saved model can be loaded."""

    with pytest.raises((AssertionError, ConfigError)):
        TRAINER_CHECKS[check](Local if check != "start" else Unfaithful, spark)


def test_a_trainer_by_its_path() -> None:
    trainer = get_trainer(PATH, {"var_smoothing": 0.5})
    assert type(trainer) is NaiveBayes and trainer.name == PATH
    with pytest.raises(ConfigError, match=r"toy_trainer\.NaiveBayes has no parameter 'var'. Did you mean"):
        check_trainer(PATH, {"var": 1})
    with pytest.raises(ConfigError, match=r"train\.params\.var_smoothing must be a number above 0 and at most 1"):
        check_trainer(PATH, {"var_smoothing": 0})
    with pytest.raises(ConfigError, match=r"train\.params\.priors is not for .*: write data\.weight"):
        check_trainer(PATH, {"priors": [1]})
    with pytest.raises(ConfigError, match=r"has no 'NaiveBaes'. Did you mean 'NaiveBayes'"):
        check_trainer("toy_trainer.NaiveBaes")
    with pytest.raises(ConfigError, match="is not a trainer: it must be a class derived from Trainer"):
        check_trainer("toy_trainer.NaiveBayesModel")


def test_a_large_table_on_the_default_workers_is_noted_once(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    df = trainer_table(spark)
    train, validation = parts(df)
    said: list[str] = []
    given = {"original_train": train, "warn": said.append}
    NaiveBayes().fit(train, validation, DATA, **given)
    assert said == []
    monkeypatch.setattr("steelyard.learning._workers.LARGE", train.count() * 8)  # a, b and its gaps, c, five levels
    NaiveBayes().fit(train, validation, DATA, **given)
    [note] = said
    assert "training rows × 9 features on 2 workers" in note and "train.num_workers" in note
    NaiveBayes(num_workers=3).fit(train, validation, DATA, **given)
    assert len(said) == 1 and LARGE == 500_000_000
    with pytest.warns(UserWarning, match="raise train.num_workers"):
        NaiveBayes().fit(train, validation, DATA, original_train=train)


def test_boosting_continues_where_the_first_model_stopped(spark: SparkSession) -> None:
    df = trainer_table(spark)
    make = MAKE["xgboost"]
    first = model_of(make, spark)
    more = fitted(make, df, start=first)
    long = fitted(partial(get_trainer, "xgboost", {**SMALL, "n_estimators": 24}), df)
    assert more.summary["trees"] == long.summary["trees"] == 24
    assert np.allclose(probabilities(more, df), probabilities(long, df), atol=1e-6)
    assert fitted(make, df.repartition(7), start=first) == more
    assert more.distortion.kind == "none"
    assert fitted(make, df, start=first, class_weight={"bad": 2}).distortion.kind == "unknown"


def test_early_stopping_continues_too(spark: SparkSession) -> None:
    df = trainer_table(spark)
    make = partial(get_trainer, "xgboost", {**SMALL, "n_estimators": 200, "early_stopping_rounds": 3})
    first = model_of(MAKE["xgboost"], spark)
    told = fitted(make, df, start=first).summary
    assert 12 < told["trees"] < 212
    assert told["trees"] == 12 + told["best_iteration"] + 1 and told["rounds"] == told["best_iteration"] + 1 + 3


def test_contributions_are_those_of_xgboost(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    df, model = trainer_table(spark), model_of(MAKE["xgboost"], spark)
    assert isinstance(model, MarginModel)
    rows = df.select("id", *[c.alias(str(i)) for i, c in enumerate(model.preprocessing.columns(df))]).orderBy("id")
    booster = xgb.Booster()
    booster.load_model(bytearray(model.booster))  # type: ignore[attr-defined]
    features = rows.drop("id").toPandas().to_numpy(dtype=np.float32)
    theirs = booster.predict(xgb.DMatrix(features), pred_contribs=True, validate_features=False)
    ours = [r["contributions"] for r in model.contributions(df).orderBy("id").collect()]
    assert np.allclose(np.array(ours), theirs, atol=1e-6)
    with monkeypatch.context() as patched:
        patched.setattr(_preprocessing, "MANY", 0)
        same = fitted(MAKE["xgboost"], df)
        assert same == model, "trained on many features, which are one array"
        assert ours == [r["contributions"] for r in same.contributions(df).orderBy("id").collect()]
    several = Dataset(**{**vars(DATA), "label": "several", "positive": None, "classes": ("good", "bad", "odd")})
    [row] = fitted(MAKE["xgboost"], df, several).contributions(df).limit(1).collect()
    assert np.array(row["contributions"]).shape == (3, len(model.preprocessing.names) + 1)


def test_the_toy_uses_public_names_only() -> None:
    imports = re.findall(
        r"^(?:from|import) (\S+)(?: import (.*))?$", TOY.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    ours = {f"{module}.{name}" for module, names in imports if "steelyard" in module for name in names.split(", ")}
    assert ours == {f"steelyard.learning.{name}" for name in TOY_NEEDS} and set(TOY_NEEDS) <= set(learning.__all__)

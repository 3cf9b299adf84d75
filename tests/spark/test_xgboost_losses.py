"""Losses of XGBoost on Spark: the same bits, probabilities in Spark's arithmetic, saved, continued and refused."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError
from steelyard.kernels.losses import Focal
from steelyard.learning import get_trainer, load_model
from steelyard.learning._link import focal_log_odds, logistic
from steelyard.store import Store
from steelyard.testing._check_trainers import DATA, SEVERAL, fitted, parts, probabilities, trainer_table

SMALL = {"n_estimators": 8, "max_depth": 3, "early_stopping_rounds": 4}
CB = {"class_balanced_focal": {"beta": 0.99, "gamma": 1}}


def test_spark_computes_the_link_of_the_kernel(spark: SparkSession) -> None:
    z = np.concatenate([np.linspace(-30, 30, 61), [-1e9, -700, 700, 1e9]])
    rows = spark.createDataFrame([(i, float(x)) for i, x in enumerate(z)], "id int, z double")
    for focal in (Focal(), Focal(0.5, (0.3, 1.7)), Focal(2), Focal(5, (8.0, 0.1))):
        found = rows.select("id", logistic(focal_log_odds(F.col("z"), focal)).alias("p")).orderBy("id").collect()
        ours = 1 / (1 + np.exp(-np.clip(focal.log_odds(z), -700, 700)))
        assert np.allclose([row["p"][1] for row in found], ours, rtol=1e-12, atol=1e-300)


@pytest.mark.long
def test_focal_probabilities_are_the_same_bits_saved_and_loaded(spark: SparkSession, tmp_path: Path) -> None:
    df = trainer_table(spark)
    params = {"max_depth": 3, "learning_rate": 0.3, "n_estimators": 40, "early_stopping_rounds": 4}
    make = partial(get_trainer, "xgboost", params, loss={"focal": {"alpha": 0.7}}, num_workers=2)
    models = [fitted(make, df.repartition(n)) for n in (1, 9)]
    assert len({json.dumps(m.to_json()) for m in models}) == 1 == len({m.booster for m in models})  # type: ignore[attr-defined]
    model, run = models[0], Store(tmp_path).create("p", "r", {})
    model.save(run, "model/1")
    again = load_model(run, "model/1")
    assert again == model and again.settings["loss"] == {"focal": {"gamma": 2.0, "alpha": 0.7}}
    scored = df.select("id", "label", F.col("id") % 4 == 0).orderBy("id").collect()
    bad, judged = np.array([row["label"] == "bad" for row in scored]), np.array([row[2] for row in scored])
    p = probabilities(again, df)
    assert p[:, 1].mean() == pytest.approx(bad.mean(), rel=0.1), "probabilities, whatever the loss"
    losses = -np.log(np.where(bad, p[:, 1], p[:, 0]))
    assert model.summary["validation_log_loss"] == pytest.approx(losses[judged].mean(), rel=1e-5)
    assert model.summary["rounds"] == model.summary["best_iteration"] + 1 + 4


@pytest.mark.parametrize("loss", [CB, {"logit_adjusted": {"tau": 2}}], ids=["focal", "adjusted"])
def test_a_model_with_a_loss_is_continued(spark: SparkSession, loss: Any) -> None:
    df = trainer_table(spark)
    make = partial(get_trainer, "xgboost", {**SMALL, "early_stopping_rounds": None}, loss=loss)
    first, same = (fitted(make, df.repartition(n)) for n in (1, 9))
    assert first == same
    more = fitted(make, df, start=first)
    long = fitted(partial(get_trainer, "xgboost", {**make.args[1], "n_estimators": 16}, loss=loss), df)
    assert more.summary["trees"] == long.summary["trees"] == 16
    assert np.allclose(probabilities(more, df), probabilities(long, df), atol=1e-6)
    with pytest.raises(InputError, match=r"start was trained with the loss .* but train\.loss is log_loss"):
        fitted(partial(get_trainer, "xgboost", SMALL), df, start=first)


def test_distortions_of_losses() -> None:
    def of(loss: Any, **more: Any) -> Distortion:
        return get_trainer("xgboost", loss=loss, **more).loss_distortion(("0", "1"))

    assert of({"focal": {}}) == of({"logit_adjusted": {}}) == Distortion()
    assert of(CB).kind == of({"focal": {"alpha": 0.9}}).kind == "unknown"


def test_several_classes(spark: SparkSession) -> None:
    df = trainer_table(spark)
    adjusted = fitted(partial(get_trainer, "xgboost", SMALL, loss={"logit_adjusted": {}}), df, SEVERAL)
    found = probabilities(adjusted, df)
    shares = [df.where(F.col("several") == c).count() / df.count() for c in SEVERAL.classes]
    assert np.allclose(found.sum(axis=1), 1, atol=1e-9) and np.allclose(found.mean(axis=0), shares, atol=0.03)
    with pytest.raises(ConfigError, match="focal is for two classes, and the label has 3"):
        fitted(partial(get_trainer, "xgboost", SMALL, loss={"focal": {}}), df, SEVERAL)


def test_offsets_of_rows(spark: SparkSession) -> None:
    """XGBoost learns the probabilities of the whole table from sampled rows; other trainers weigh those."""
    df = trainer_table(spark).withColumn("rate", F.when(F.col("c") > 4, 0.9).otherwise(0.4))
    train, validation = parts(df)
    kept = train.where("label = 'bad' or shiftrightunsigned(xxhash64(id, 9), 11) / pow(2, 53) < rate")
    kept = kept.withColumn("offset", -F.log("rate"))
    rate = kept.where("label = 'good'").count() / train.where("label = 'good'").count()
    truth = df.where("label = 'bad'").count() / df.count()
    assert kept.where("label = 'bad'").count() / kept.count() > truth + 0.05
    for name, params in (("xgboost", SMALL), ("logistic_regression", {})):
        model = get_trainer(name, params).fit(
            kept,
            validation,
            DATA,
            original_train=train,
            train_offset="offset",
            sampled=Distortion({"good": rate}),
        )
        assert model.distortion == Distortion()
        assert probabilities(model, df)[:, 1].mean() == pytest.approx(truth, abs=0.02)

"""Checks of a trainer and its models: independent of partitioning, saved without pickles, with correct flags."""

from __future__ import annotations

import json
import math
import pickletools
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.classifier import Classifier, fit
from steelyard.dataset import Dataset
from steelyard.learning import MarginModel, Model, Trainer, load_model, trainer_class, trainer_parameters
from steelyard.store import Store
from steelyard.testing._tables import explained, refused

MakeTrainer = Callable[..., Trainer]
ROWS = 600
TOLERANCE = 1e-6
DATA = Dataset(
    label="label",
    features=("a", "b", "c", "k"),
    categorical=("k",),
    key=("id",),
    content=("id", "a", "b", "c", "k"),
    positive="bad",
    classes=("good", "bad"),
)
SEVERAL = replace(DATA, label="several", positive=None, classes=("good", "bad", "odd"))


@lru_cache(maxsize=2)
def trainer_table(spark: SparkSession) -> DataFrame:
    """Return numbers and a category with gaps, and labels that depend on them."""

    def noise(salt: int) -> Column:
        return F.shiftrightunsigned(F.xxhash64("id", F.lit(salt)), 11) / F.lit(2.0**53)

    level = F.floor(noise(4) * 5).cast("int")
    odds = 6 * noise(1) - 3 * noise(2) + F.when(level == 2, 2.0).otherwise(0.0) + 2 * noise(5)
    return spark.range(ROWS).select(
        "id",
        noise(1).alias("a"),
        F.when(noise(6) > 0.1, noise(2)).alias("b"),
        (noise(3) * 10).cast("int").alias("c"),
        F.when(level < 4, F.concat(F.lit("k"), level.cast("string"))).alias("k"),
        F.when(odds > 4.8, "bad").otherwise("good").alias("label"),
        F.when(odds > 5.2, "bad").when(odds > 4.5, "odd").otherwise("good").alias("several"),
    )


def parts(df: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Return training and validation rows."""
    return df.where("id % 4 > 0"), df.where("id % 4 = 0")


def fitted(make: MakeTrainer, df: DataFrame, dataset: Dataset = DATA, start: Model | None = None, **how: Any) -> Model:
    """Return a model of the sample table."""
    train, validation = parts(df)
    return make(**how).fit(train, validation, dataset, original_train=train, start=start)


@lru_cache(maxsize=4)
def model_of(make: MakeTrainer, spark: SparkSession) -> Model:
    """Return a model that many checks look at; it is trained once."""
    return fitted(make, trainer_table(spark).repartition(1))


def probabilities(model: Model, df: DataFrame) -> NDArray[np.float64]:
    """Return the probabilities of all rows, by id."""
    found = model.predict(df).select("id", "probabilities").collect()
    return np.array([row["probabilities"] for row in sorted(found, key=lambda row: row["id"])])


def check_declarations(make: MakeTrainer, spark: SparkSession) -> None:
    """A trainer is found by its name, its settings are JSON, and its parameters are described and checked by name."""
    trainer = make()
    assert trainer_class(trainer.name) is type(trainer), f"load_model must find {trainer.name}"
    assert json.loads(json.dumps(trainer.settings)) == trainer.settings
    for name, field in trainer.parameters.model_fields.items():
        assert field.description, f"parameter {name} has no description"
    known = trainer_parameters(trainer.name)
    assert known.parse(trainer.name, trainer.params).given() == trainer.params
    refused(lambda: known.parse(trainer.name, {"no_such_parameter": 1}), "no_such_parameter")


def check_learns(make: MakeTrainer, spark: SparkSession) -> None:
    """Probabilities are in class order, add up to 1, and have a lower log loss than the prior."""
    df, model = trainer_table(spark), model_of(make, spark)
    assert model.trainer == make().name and model.classes == model.trained_classes == DATA.classes
    _, validation = parts(df)
    found = probabilities(model, validation)
    truth = np.array([r["label"] == "bad" for r in validation.orderBy("id").collect()]).astype(int)
    assert found.shape == (len(truth), 2) and np.allclose(found.sum(axis=1), 1, atol=1e-9)
    loss = -np.log(np.clip(found[np.arange(len(truth)), truth], 1e-15, 1)).mean()
    prior = truth.mean()
    assert loss < -(prior * np.log(prior) + (1 - prior) * np.log(1 - prior)), f"log loss {loss} is that of the prior"


def check_predict(make: MakeTrainer, spark: SparkSession) -> None:
    """Rows without a label are scored, one by one or together, with missing values and unknown levels."""
    df, model = trainer_table(spark).drop("label", "several"), model_of(make, spark)
    assert model.predict(df, "p").columns == [*df.columns, "p"]
    refused(lambda: model.predict(df, "a"), "'a'")
    refused(lambda: model.predict(df.drop("a")), "'a'")
    together = probabilities(model, df)
    assert np.array_equal(probabilities(model, df.where("id = 17"))[0], together[17])
    nothing = df.limit(1).select("id", *[F.lit(None).cast(t).alias(n) for n, t in df.dtypes if n != "id"])
    strange = nothing.unionByName(df.where("id = 1").withColumn("k", F.lit("never seen")))
    found = probabilities(model, strange)
    assert np.isfinite(found).all() and np.allclose(found.sum(axis=1), 1, atol=1e-9)


def check_partitions(make: MakeTrainer, spark: SparkSession) -> None:
    """The model is the same from seven partitions: bit for bit if the trainer is `exact`, else to a tolerance."""
    df = trainer_table(spark)
    one, seven = model_of(make, spark), fitted(make, df.repartition(7))
    assert one.preprocessing == seven.preprocessing
    first, second = probabilities(one, df), probabilities(seven, df)
    if make().exact:
        assert one == seven and np.array_equal(first, second)
    assert np.allclose(first, second, rtol=0, atol=TOLERANCE)


def check_save_and_load(make: MakeTrainer, spark: SparkSession) -> None:
    """A saved model has no pickles, and gives exactly the same probabilities."""
    df, model = trainer_table(spark), model_of(make, spark)
    with tempfile.TemporaryDirectory() as folder:
        run = Store(folder).create("check", "one", {})
        model.save(run, "model/1")
        files = [f for f in Path(folder, "check", "one", "model").rglob("*") if f.is_file()]
        assert any(f.name == "model.json" for f in files)
        assert not [f.name for f in files if _is_pickle(f.read_bytes())]
        again = load_model(run, "model/1")
    assert again == model and type(again) is make().model_class()
    assert again.distortion == model.distortion
    assert np.array_equal(probabilities(again, df), probabilities(model, df))


def _is_pickle(content: bytes) -> bool:
    try:
        for _ in pickletools.genops(content):
            pass
    except (ValueError, EOFError, UnicodeDecodeError, OverflowError, AttributeError, TypeError, IndexError):
        return False
    return bool(content)


def check_weights(make: MakeTrainer, spark: SparkSession) -> None:
    """Class weights raise the probability of the heavier class, and the model records that."""
    df, plain = trainer_table(spark), model_of(make, spark)
    heavy = fitted(make, df, class_weight={"bad": 5})
    assert probabilities(heavy, df)[:, 1].mean() > probabilities(plain, df)[:, 1].mean() + 0.02
    own = plain.distortion.rate("bad") / plain.distortion.rate("good")
    assert own == 1 or make().balances
    assert math.isclose(heavy.distortion.rate("bad"), 5 * own * heavy.distortion.rate("good"), rel_tol=1e-12)


def check_absent_class(make: MakeTrainer, spark: SparkSession) -> None:
    """With several classes, one that the training rows lack has the probability 0; a single class is refused."""
    df = trainer_table(spark)
    train, validation = parts(df)
    good = train.where("label = 'good'")
    refused(lambda: make().fit(good, validation, DATA, original_train=train), "single class", "'good'")
    if make().two_classes_only:
        return
    without = train.where("several != 'bad'")
    model = make().fit(without, validation, SEVERAL, original_train=without)
    found = probabilities(model, df)
    assert model.classes == SEVERAL.classes and model.trained_classes == ("good", "odd")
    assert (found[:, 1] == 0).all() and np.allclose(found.sum(axis=1), 1, atol=1e-9)


def check_several_classes(make: MakeTrainer, spark: SparkSession) -> None:
    """The greatest of several probabilities is right more often than the largest class; or several are refused."""
    df = trainer_table(spark)
    if make().two_classes_only:
        refused(lambda: fitted(make, df, SEVERAL), "train.model", "two classes", "'odd'")
        return
    found = probabilities(fitted(make, df, SEVERAL), df)
    truth = np.array([SEVERAL.classes.index(r["several"]) for r in df.orderBy("id").collect()])
    assert found.shape == (ROWS, 3) and np.allclose(found.sum(axis=1), 1, atol=1e-9)
    assert (found.argmax(axis=1) == truth).mean() > (truth == 0).mean()


def check_start(make: MakeTrainer, spark: SparkSession) -> None:
    """Training continues from a model with its preprocessing; trainers that cannot, and foreign models, are refused."""
    df, model = trainer_table(spark), model_of(make, spark)
    if not make().continues:
        refused(lambda: fitted(make, df, start=model), "cannot start from an earlier model")
        return
    more = fitted(make, df, start=model)
    assert more.preprocessing == model.preprocessing and more.trained_classes == model.trained_classes
    assert not np.array_equal(probabilities(more, df), probabilities(model, df))
    refused(lambda: fitted(make, df, replace(DATA, features=("a", "b")), start=model), "features")
    refused(lambda: fitted(make, df, SEVERAL, start=model), "classes")
    refused(lambda: fitted(make, df, start=replace(model, trainer="another")), "another")


def check_contributions(make: MakeTrainer, spark: SparkSession) -> None:
    """Where a model has contributions of features, they add up to the margin; otherwise asking is an InputError."""
    df, model = trainer_table(spark), model_of(make, spark)
    if type(model)._contributions is Model._contributions:
        refused(lambda: model.contributions(df), model.trainer)
        return
    rows = model.contributions(df).select("id", "contributions").collect()
    found = np.array([row["contributions"] for row in sorted(rows, key=lambda row: row["id"])])
    assert found.shape == (ROWS, len(model.preprocessing.names) + 1)
    if isinstance(model, MarginModel):
        p = probabilities(model, df)
        assert np.allclose(found.sum(axis=1), np.log(p[:, 1] / p[:, 0]), atol=1e-4)


def check_classifier(make: MakeTrainer, spark: SparkSession) -> None:
    """A classifier with this trainer decides, and makes the same decisions after saving and loading."""
    df, trainer = trainer_table(spark), make()
    recipe = {
        "resample": {"method": "random_under_sampler", "sampling_strategy": 0.8},
        "train": {"model": trainer.name, "params": trainer.params},
    }
    classifier = fit(recipe, *parts(df), DATA)
    with tempfile.TemporaryDirectory() as folder:
        classifier.save(f"{folder}/one")
        again = Classifier.load(f"{folder}/one")
    known = "prior shift" if model_of(make, spark).distortion.exact else "unknown"
    assert again == classifier and classifier.model.distortion.kind == known
    found = again.transform(df).select("label", "calibrated_probability", "decision").collect()
    assert all(0 <= row["calibrated_probability"] <= 1 for row in found)
    right = {c: np.mean([row["decision"] == c for row in found if row["label"] == c]) for c in DATA.classes}
    assert all(share > 0.5 for share in right.values()), right


def check_tidiness(make: MakeTrainer, spark: SparkSession) -> None:
    """Neither training nor scoring leaves a cached table behind."""
    df = trainer_table(spark)
    scored = model_of(make, spark).predict(df)
    assert "InMemory" not in explained(scored)
    assert "InMemory" not in explained(parts(df)[0])

"""Spark ML's trees: equal to Spark's own scoring, the same from any partitioning, fit for rare classes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from long_cases import thinned
from pyspark.ml.classification import GBTClassifier, RandomForestClassifier
from pyspark.ml.functions import vector_to_array
from pyspark.ml.regression import RandomForestRegressor
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.learning import TrainingRows, get_trainer
from steelyard.learning._preparing import prepare
from steelyard.learning._trees_model import as_vectors
from steelyard.testing._check_trainers import DATA, SEVERAL, MakeTrainer, fitted, parts, probabilities, trainer_table

FOREST = {"numTrees": 8, "maxDepth": 5, "maxBins": 32}
BOOSTED = {"maxIter": 6, "maxDepth": 3, "maxBins": 32}
MAKE: dict[str, MakeTrainer] = {
    "random_forest": partial(get_trainer, "random_forest", FOREST),
    "gradient_boosted_trees": partial(get_trainer, "gradient_boosted_trees", BOOSTED),
}


@pytest.mark.parametrize("name", thinned(MAKE, ["random_forest"]))
def test_the_same_model_from_any_partitioning_that_scores_as_spark_does(name: str, spark: SparkSession) -> None:
    df = trainer_table(spark)
    model = fitted(MAKE[name], df.repartition(1))
    assert fitted(MAKE[name], df.repartition(40)) == model, "from 7 partitions it is another test"
    train, validation = parts(df)
    _, data, _ = prepare(MAKE[name](), TrainingRows(train), validation, DATA, train)
    known = {"weightCol": "weight", "seed": 0}
    if name == "random_forest":
        forest = RandomForestRegressor(**FOREST, **known, featureSubsetStrategy="sqrt")
        theirs, column = forest.fit(as_vectors(data.rows, 1)), F.col("prediction")
    else:
        boosted = GBTClassifier(**BOOSTED, **known, stepSize=0.2)
        theirs, column = boosted.fit(as_vectors(data.rows, 1)), vector_to_array("probability")[1]
    rows = df.select("id", F.array(*model.preprocessing.columns(df)).alias("features"), F.lit(1.0).alias("weight"))
    found = theirs.transform(as_vectors(rows, 2)).select("id", column.alias("p")).orderBy("id").collect()
    ours = probabilities(model, df)
    assert np.allclose(ours[:, 1], [row["p"] for row in found], rtol=0, atol=1e-12)
    assert ours[:, 1].std() > 0.05, "all rows got about the same probability"
    first = model.summary["importances"][0]
    assert first["feature"] == "a" and 0.2 < first["gain"] < 1


def test_a_class_that_is_nowhere_frequent_is_ranked(spark: SparkSession) -> None:
    """Leaves of the same predicted class differ in their share of positives, which Spark's classifier merges."""
    share = F.shiftrightunsigned(F.xxhash64("id", F.lit(1)), 11) / F.lit(2.0**53)
    drawn = F.shiftrightunsigned(F.xxhash64("id", F.lit(2)), 11) / F.lit(2.0**53)
    df = spark.range(4000).select(
        "id", share.alias("x"), F.when(drawn < 0.2 * share, "bad").otherwise("good").alias("y")
    )
    given = Dataset("y", ("x",), key=("id",), content=("id", "x"), positive="bad", classes=("good", "bad"))
    params = {"numTrees": 5, "maxDepth": 4, "minInstancesPerNode": 50}
    model = get_trainer("random_forest", params).fit(df, df, given, original_train=df)
    truth = np.array([row["y"] == "bad" for row in df.orderBy("id").collect()])
    assert roc_auc_score(truth, probabilities(model, df)[:, 1]) > 0.6
    rows = df.select(F.array("x").alias("features"), (F.col("y") == "bad").cast("double").alias("label"))
    weighted = as_vectors(rows.withColumn("weight", F.lit(1.0)), 1)
    assert RandomForestClassifier(**params, seed=0).fit(weighted).totalNumNodes == 5, "single leaves"


def test_boosting_stops_early_on_validation_rows(spark: SparkSession) -> None:
    df = trainer_table(spark)
    long = {**BOOSTED, "maxIter": 30, "stepSize": 1.0}
    stopped = fitted(partial(get_trainer, "gradient_boosted_trees", {**long, "validationTol": 0.01}), df)
    assert 1 <= stopped.summary["trees"] < 30
    assert not MAKE["gradient_boosted_trees"]().needs_validation


def test_weights_of_zero_and_several_classes(spark: SparkSession) -> None:
    """Rows of weight 0 teach nothing; the forests of three classes share their probability."""
    df = trainer_table(spark).withColumn("w", F.when(F.col("id") % 3 == 0, 0.0).otherwise(1.0))
    weighed = fitted(MAKE["random_forest"], df, replace(SEVERAL, weight="w"))
    train, validation = parts(df)
    without = MAKE["random_forest"]().fit(train.where("w > 0"), validation, SEVERAL, original_train=train)
    assert weighed.trees == without.trees  # type: ignore[attr-defined]
    assert weighed.preprocessing == without.preprocessing
    found = probabilities(weighed, df)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-12) and (found.std(axis=0) > 0.05).all()


def test_too_many_nodes_are_refused(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steelyard.learning._trees_model.MOST_NODES", 20)
    with pytest.raises(InputError, match=r"trees have \d+ nodes, more than the 20 .*train\.params\.maxDepth"):
        fitted(MAKE["random_forest"], trainer_table(spark))

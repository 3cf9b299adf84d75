"""Numbers that depend on models: of imbalanced-learn, of a validator with a sampler, and of classifiers.

`python results_of_models.py FOLDER` writes those of a classic session, for another process to compare.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql import functions as F
from session_settings import SETTINGS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FOLDS = 2
SAMPLED = {"method": "random_under_sampler", "sampling_strategy": 0.5}
NETWORK = {"width": 8, "blocks": 1, "epochs": 2, "batch_size": 64}
TRAIN: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 8, "max_depth": 3},
    "logistic_regression": {"maxIter": 20},
    "neural_network": NETWORK,
}


def table(n: int = 600) -> pd.DataFrame:
    """Return rows of two classes, 10 % positive, in groups of three and in folds."""
    rng = np.random.default_rng(3)
    y = (np.arange(n) % 10 == 0).astype(float)
    x = rng.normal(size=(n, 2)) + 1.3 * y[:, None]
    number = np.arange(n)
    return pd.DataFrame({
        "id": number, "g": number // 3, "x0": x[:, 0], "x1": x[:, 1], "colour": rng.choice(["red", "blue"], n),
        "label": y, "fold": (number // 10 % FOLDS).astype("int32"),
    })  # fmt: skip


def of_imbalanced_learn(df: DataFrame, folder: Path) -> list[float]:
    """Return sums over the rows that are kept in cells, and over those that are made in one task."""
    from steelyard.over_sampling import SVMSMOTE
    from steelyard.under_sampling import CondensedNearestNeighbour

    given: dict[str, Any] = {"key_col": "id", "features_col": ["x0", "x1"]}
    kept = CondensedNearestNeighbour(scope="cell", max_rows=300, **given).fit_resample(df)
    new = SVMSMOTE(sampling_strategy=0.2, **given).fit_resample(df).where("is_synthetic")
    sums = [*kept.select(F.sum("id"), F.count("*")).collect()[0], *new.select(F.sum("x0"), F.count("*")).collect()[0]]
    return list(map(float, sums))


def of_a_validator(df: DataFrame, folder: Path) -> list[float]:
    """Return the metrics of Spark's validator of a pipeline with SMOTE; all are saved and loaded."""
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder

    from steelyard.metrics import Evaluator
    from steelyard.over_sampling import SMOTE
    from steelyard.pipeline import Pipeline

    assembler = VectorAssembler(inputCols=["x0", "x1"], outputCol="features")
    sampler = SMOTE(features_col="features", key_col="id", k_neighbors=3)
    pipeline = Pipeline(stages=[assembler, sampler, LogisticRegression(regParam=0.1)], fold_col="fold")
    pipeline.save(f"{folder}/pipeline")
    pipeline.write().overwrite().save(f"{folder}/pipeline")
    loaded = Pipeline.load(f"{folder}/pipeline")
    assert type(loaded) is Pipeline and loaded.getStages()[1].getOrDefault("k_neighbors") == 3
    grid = ParamGridBuilder().addGrid(sampler.sampling_strategy, [0.5, 1.0]).build()
    how: dict[str, Any] = {"foldCol": "fold", "numFolds": FOLDS, "parallelism": 2}
    validator = CrossValidator(estimator=loaded, estimatorParamMaps=grid, evaluator=Evaluator(), **how)
    validator.write().overwrite().save(f"{folder}/cv")
    model = CrossValidator.load(f"{folder}/cv").fit(df)
    assert model.transform(df).count() == df.count()
    model.write().overwrite().save(f"{folder}/model")
    return list(CrossValidatorModel.load(f"{folder}/model").avgMetrics)


def of_a_classifier(name: str, df: DataFrame, folder: Path) -> list[float]:
    """Return calibrated probabilities of a model that was saved and loaded."""
    from steelyard.classifier import ClassifierEstimator, ClassifierModel

    shards = {"shards": f"{folder}/shards"} if name == "neural_network" else {}
    train = {"model": name, "params": {**TRAIN[name], **shards}, "num_workers": 1}
    features = {"features_col": ["x0", "x1", "colour"], "key_col": "id", "group_col": "g", "validation": 0.3}
    model = ClassifierEstimator(recipe={"resample": SAMPLED, "train": train}, **features).fit(df)  # type: ignore[arg-type]
    model.write().overwrite().save(f"file://{folder}/{name}")
    rows = ClassifierModel.load(f"file://{folder}/{name}").transform(df).where("id < 9").orderBy("id")
    return [row["calibrated_probability"] for row in rows.select("calibrated_probability").collect()]


RESULTS: dict[str, Callable[[DataFrame, Path], list[float]]] = {
    "imbalanced-learn": of_imbalanced_learn,
    "validator": of_a_validator,
    **{name: partial(of_a_classifier, name) for name in TRAIN},
}
EXACT = {"xgboost"}
NEEDS = {"neural_network": "torch"}


def main(folder: Path) -> None:
    """Write all results; a function, because what Spark holds for models is released at its end."""
    from importlib.util import find_spec

    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config(map=SETTINGS).getOrCreate()
    df = spark.read.parquet(f"{folder}/table.parquet")
    names = [name for name in RESULTS if find_spec(NEEDS.get(name, "json"))]
    made = {name: RESULTS[name](df, folder / "classic") for name in names}
    (folder / "classic.json").write_text(json.dumps(made))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What a person in a notebook sees: calls that are not how it is done, workers of another Python, and reprs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import pandas as pd
import pytest
from interpreters import python_without
from pyspark.ml import Pipeline as SparkPipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import functions as F

import steelyard
from steelyard.dataset import Dataset
from steelyard.errors import EngineError
from steelyard.frames import workers
from steelyard.guards import GuardReport
from steelyard.over_sampling import SMOTE, RandomOverSampler
from steelyard.splitting import stratified_folds, stratified_split
from steelyard.under_sampling import TomekLinks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="module")
def df(spark: SparkSession) -> DataFrame:
    rows = spark.range(0, 60, 1, 2)
    return rows.select("id", (F.col("id") % 6 == 0).cast("int").alias("y"), (F.col("id") * 0.5).alias("a"))


def test_calls_that_are_not_how_it_is_done(df: DataFrame) -> None:
    table = pd.DataFrame({"y": [0, 1], "a": [1.0, 2.0]})
    for call, error, said in (
        (lambda: SMOTE(0.5), TypeError, r"keyword arguments only, and got 0\.5: SMOTE\(sampling_strategy=0\.5"),
        (lambda: SMOTE(k=5), TypeError, "no parameter 'k'. Did you mean 'k_neighbors'"),
        (lambda: TomekLinks(seed=5), TypeError, "no parameter 'seed'. Did you mean 'random_state'"),
        (lambda: SMOTE().fit(df), TypeError, r"SMOTE\(…\)\.fit_resample\(df\).*steelyard\.pipeline\.Pipeline"),
        (lambda: SMOTE().fit_resample(table), TypeError, r"got DataFrame.*spark\.createDataFrame"),
        (lambda: SMOTE().plan(table), TypeError, r"SMOTE\(label_col=\"y\"\)\.plan\(df\).*spark\.createDataFrame"),
        (lambda: SMOTE().fit_resample([[1]], [0]), TypeError, "got list and list.*use imbalanced-learn"),
        (lambda: SMOTE().fit_resample(df, "y"), TypeError, "got .*DataFrame and str"),
    ):
        with pytest.raises(error, match=said):
            call()


def test_a_sampler_in_spark_s_own_pipeline_names_ours(df: DataFrame) -> None:
    stages: list[Any] = [
        VectorAssembler(inputCols=["a"], outputCol="v"),
        SMOTE(label_col="y", features_col="v"),
        LogisticRegression(featuresCol="v", labelCol="y"),
    ]
    with pytest.raises(TypeError, match=r"in a pipeline take steelyard\.pipeline\.Pipeline"):
        SparkPipeline(stages=stages).fit(df)


def test_another_python_of_the_workers_is_found_before_anything_runs(
    spark: SparkSession, df: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_fit", WeakSet())
    monkeypatch.setattr(spark.sparkContext, "pythonExec", python_without("pyarrow", tmp_path))
    for call in (SMOTE(label_col="y").fit_resample, TomekLinks(label_col="y").plan):
        with pytest.raises(EngineError, match=r"No module named 'pyarrow'.*steelyard\.session\(\)") as raised:
            call(df)
        assert "\n" not in str(raised.value) and raised.value.__suppress_context__
    RandomOverSampler(label_col="y").plan(df)  # needs no Python in workers


def test_reprs_are_short_and_say_what_matters(df: DataFrame) -> None:
    sampler = RandomOverSampler(label_col="y", sampling_strategy=0.5, random_state=0)
    assert repr(sampler) == "RandomOverSampler(label_col='y', sampling_strategy=0.5)"
    assert repr(sampler.plan(df)).splitlines()[0] == "random_over_sampler (random_state 0)"
    data, counts = Dataset("y", tuple(f"f{i}" for i in range(30)), key=("id",)), {"0": 50, "1": 10}
    assert repr(data).endswith("'f8', 'f9', … 20 more), key=('id',))") and "group" not in repr(data)
    split = stratified_split(df, data, counts, validation=0.2, test=0.2, seed=7)
    assert repr(split).splitlines()[:2] == [
        "stratified split of y by id, seed 7",
        "            class 0  class 1",
    ]
    assert "train            30        6" in repr(split)
    assert repr(stratified_folds(df, data, counts, 2, seed=7)).startswith("stratified folds of y by id, seed 7\n")
    assert repr(GuardReport("raw", "raw.json", True, ())) == "guard 'raw': all 0 expectations met"


@pytest.mark.classic
def test_a_session_of_ours_is_the_one_that_runs(spark: SparkSession) -> None:
    assert steelyard.session() is spark

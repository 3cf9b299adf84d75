"""A pipeline with samplers: fitted on resampled rows, scoring each row once, in Spark's validators too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Estimator, PipelineModel, Transformer
from pyspark.ml import Pipeline as SparkPipeline
from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel, RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import RFormula, StandardScaler, StringIndexer, VectorAssembler
from pyspark.ml.tuning import CrossValidator, CrossValidatorModel, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from steelyard.errors import InputError
from steelyard.metrics import Evaluator
from steelyard.over_sampling import SMOTE, RandomOverSampler
from steelyard.pipeline import Pipeline
from steelyard.sampling import NoResampling
from steelyard.under_sampling import RandomUnderSampler

FOLDS = 2
SEEN: list[Seen] = []
JUDGED: list[Counter[str]] = []


@dataclass(frozen=True)
class Seen:
    """The rows that an estimator was fitted on."""

    schema: StructType
    rows: list[Row]

    @property
    def sizes(self) -> Counter[Any]:
        return Counter(row["label"] for row in self.rows)


def exact(df: DataFrame) -> Counter[str]:
    return Counter(map(repr, df.collect()))


class Model(Transformer):
    """Gives rows back with a score."""

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return dataset.withColumn("p", F.lit(0.5))


class Recorder(Estimator[Model]):
    """Remembers the rows that it was fitted on."""

    def _fit(self, dataset: DataFrame) -> Model:
        SEEN.append(Seen(dataset.schema, dataset.collect()))
        return Model()


class RecordingEvaluator(Evaluator):
    """Remembers the rows that it judged."""

    def _evaluate(self, dataset: DataFrame) -> float:
        JUDGED.append(exact(dataset.drop("p")))
        return super()._evaluate(dataset)


@pytest.fixture(autouse=True)
def _nothing_left(spark: SparkSession) -> Iterator[None]:
    SEEN.clear()
    JUDGED.clear()
    before = spark.sparkContext._jsc.getPersistentRDDs().size()  # type: ignore[union-attr]
    yield
    # What earlier tests held may be cleaned up meanwhile.
    assert spark.sparkContext._jsc.getPersistentRDDs().size() <= before  # type: ignore[union-attr]


def table() -> pd.DataFrame:
    """Return rows whose column ``z<i>`` is about 100 in fold i alone: no mixture of other folds' rows has it."""
    rng = np.random.default_rng(0)
    n = 252
    y, fold = (np.arange(n) % 6 == 0).astype(float), np.arange(n) // 6 % FOLDS
    x = rng.normal(size=(n, 2)) + 1.5 * y[:, None]
    zs = {f"z{i}": 100.0 * (fold == i) + rng.random(n) for i in range(FOLDS)}
    return pd.DataFrame({"id": np.arange(n), "x0": x[:, 0], "x1": x[:, 1], **zs, "label": y, "fold": fold})


@pytest.fixture(scope="module")
def df(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(table())


def assembler() -> VectorAssembler:
    return VectorAssembler(inputCols=["x0", "x1"], outputCol="features")


def regression(**params: Any) -> LogisticRegression:
    """Of few rounds: each of a hundred is a job of Spark's."""
    return LogisticRegression(**{"maxIter": 5, **params})


def smote(**params: Any) -> SMOTE:
    return SMOTE(**{"features_col": "features", "key_col": "id", "k_neighbors": 3, **params})


def over(**params: Any) -> RandomOverSampler:
    return RandomOverSampler(key_col="id", **params)


def test_resamples_while_fitting_only(df: DataFrame) -> None:
    sampler = smote(sampling_strategy={"1": 77})
    pipeline = Pipeline(stages=[assembler(), sampler, Recorder(), regression()])
    model = pipeline.fit(df)
    assert type(model) is PipelineModel
    assert [type(s) for s in model.stages] == [VectorAssembler, Model, LogisticRegressionModel]
    assert SEEN[0].sizes == {0: 210, 1: 77}
    resampled = sampler.fit_resample(assembler().transform(df)).drop("is_synthetic")
    assert Counter(map(repr, SEEN[0].rows)) == exact(resampled)
    assert exact(model.transform(df).select(df.columns)) == exact(df)
    by_hand = regression().fit(resampled)
    np.testing.assert_allclose(model.stages[2].coefficients.toArray(), by_hand.coefficients.toArray(), rtol=1e-6)


def test_without_samplers_it_is_sparks(df: DataFrame) -> None:
    stages = [
        assembler(),
        StandardScaler(inputCol="features", outputCol="scaled"),
        regression(featuresCol="scaled"),
    ]
    ours, theirs = (kind(stages=stages).fit(df).transform(df) for kind in (Pipeline, SparkPipeline))
    assert exact(ours) == exact(theirs)
    assert Pipeline(stages=[]).fit(df).transform(df).columns == df.columns
    assert isinstance(Pipeline(stages=[assembler()]).fit(df).transform(df), DataFrame)


def test_samplers_between_estimators_and_within_pipelines(df: DataFrame) -> None:
    under = RandomUnderSampler(key_col="id", sampling_strategy={"0": 100}, weight_output_col="weight")
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    again = smote(features_col="scaled", weight_col="weight", sampling_strategy=1.0, provenance=True)
    last = regression(featuresCol="scaled", weightCol="weight")
    model = Pipeline(stages=[under, assembler(), scaler, again, Recorder(), last]).fit(df)
    assert SEEN[0].sizes == {0: 100, 1: 100}
    assert {*SEEN[0].schema.names} == {*df.columns, "features", "scaled", "weight"}
    kept = under.fit_resample(df).select("x0").toPandas()["x0"]
    assert model.stages[1].std[0] == pytest.approx(kept.std(), rel=1e-9), "learned from the rows of the first sampler"
    assert model.transform(df).count() == df.count()
    inner = Pipeline(stages=[under, Recorder()])
    outer = SparkPipeline(stages=[inner, assembler(), regression()]).fit(df)
    assert outer.stages[-1].summary.predictions.count() == df.count()


def test_added_columns_do_not_reach_later_stages(df: DataFrame) -> None:
    """A formula takes all columns: those that only resampled rows have would break scoring."""
    formula = RFormula(formula="label ~ . - id", labelCol="y")
    model = Pipeline(stages=[RandomOverSampler(key_col="id"), formula, regression(labelCol="y")]).fit(df.drop("fold"))
    assert model.stages[-1].numFeatures == 2 + FOLDS
    assert model.transform(df.drop("fold")).count() == df.count()
    flagged = df.withColumn("is_synthetic", F.lit(False))
    Pipeline(stages=[RandomOverSampler(key_col="id"), Recorder()]).fit(flagged)
    assert SEEN[0].schema.names == flagged.columns, "a flag that was there stays"


def test_attributes_of_features_and_labels_survive(spark: SparkSession, df: DataFrame) -> None:
    named = df.withColumns(
        {"kind": F.when(F.col("x0") > 0, "up").otherwise("down"), "text": F.concat(F.lit("c"), "label")}
    )
    stages = [
        StringIndexer(inputCols=["kind", "text"], outputCols=["k", "y"]),
        VectorAssembler(inputCols=["k", "x1"], outputCol="features"),
        smote(label_col="y"),
        Recorder(),
        RandomForestClassifier(labelCol="y", numTrees=2, seed=1),
    ]
    model = Pipeline(stages=stages).fit(named)
    assert SEEN[0].schema["features"].metadata["ml_attr"]["attrs"]["nominal"][0]["vals"] == ["down", "up"]
    assert SEEN[0].schema["y"].metadata["ml_attr"]["vals"] == ["c0.0", "c1.0"]
    assert model.transform(named).count() == df.count()


def test_validation_folds_are_never_resampled(df: DataFrame) -> None:
    inputs = VectorAssembler(inputCols=["x0", "x1", *[f"z{i}" for i in range(FOLDS)]], outputCol="features")
    sampler = smote()
    pipeline = Pipeline(stages=[inputs, sampler, Recorder()], fold_col="fold")
    grid = [{sampler.k_neighbors: 2, sampler.sampling_strategy: 0.5}, {sampler.sampling_strategy: 1.0}]
    validator = CrossValidator(
        estimator=pipeline,
        estimatorParamMaps=grid,
        evaluator=RecordingEvaluator(score_col="p"),
        foldCol="fold",
        numFolds=FOLDS,
        parallelism=2,
    )
    assert len(validator.fit(df).avgMetrics) == 2
    folds = [exact(inputs.transform(df.where(F.col("fold") == i))) for i in range(FOLDS)]
    assert [folds[0]] * 2 + [folds[1]] * 2 == JUDGED, "each judged row is a row of the fold, once"
    for i in range(FOLDS):
        trained = SEEN[2 * i : 2 * i + 2]
        assert sorted(seen.sizes[1] for seen in trained) == [52, 105]
        for seen in trained:
            assert seen.sizes[0] == 105
            assert max(row["features"][2 + i] for row in seen.rows) <= 1, "nothing of the fold was learned from"
            assert "fold" not in seen.schema.names
    assert SEEN[-1].sizes[0] == 210, "the last fit has all rows"


def test_folds_are_no_features(df: DataFrame) -> None:
    narrow = df.select("x0", "x1", "label", "fold")
    stages = [SMOTE(), assembler(), Recorder()]
    Pipeline(stages=stages, fold_col="fold").fit(narrow)
    Pipeline(stages=stages).fit(narrow.drop("fold"))
    assert Counter(SEEN[0].rows) == Counter(SEEN[1].rows)
    with pytest.raises(InputError, match=r"fold_col 'folds'.*'fold'"):
        Pipeline(stages=stages, fold_col="folds").fit(narrow)
    for validator in (CrossValidator(numFolds=2, seed=1), TrainValidationSplit(seed=1)):
        validator.setEstimator(Pipeline(stages=[NoResampling(), *stages[1:]])).setEvaluator(
            Evaluator(score_col="p")
        ).setEstimatorParamMaps([{}])
        validator.fit(narrow.drop("fold"))
        assert SEEN[-1].schema.names == SEEN[-2].schema.names == [*narrow.drop("fold").columns, "features"]


@pytest.mark.long
def test_train_validation_split(df: DataFrame) -> None:
    sampler, last = smote(), regression()
    grid = ParamGridBuilder().addGrid(sampler.sampling_strategy, [0.3, 1.0]).addGrid(last.regParam, [0.1]).build()
    pipeline = Pipeline(stages=[assembler(), sampler, last])
    model = TrainValidationSplit(
        estimator=pipeline, estimatorParamMaps=grid, evaluator=Evaluator(), seed=1, parallelism=2
    ).fit(df)
    assert len({*model.validationMetrics}) == 2
    assert model.transform(df).count() == df.count()


def test_validator_scores_as_by_hand(df: DataFrame) -> None:
    sampler, last = over(sampling_strategy=0.8), regression(regParam=0.1)
    pipeline = Pipeline(stages=[assembler(), sampler, last], fold_col="fold")
    found = CrossValidator(
        estimator=pipeline, estimatorParamMaps=[{}], evaluator=Evaluator(), foldCol="fold", numFolds=FOLDS
    ).fit(df)
    by_hand = []
    for i in range(FOLDS):
        train, held = (
            assembler().transform(df.where(F.col("fold") == i if own else F.col("fold") != i)) for own in (0, 1)
        )
        by_hand.append(Evaluator().evaluate(last.fit(sampler.fit_resample(train)).transform(held)))
    assert found.avgMetrics == [pytest.approx(np.mean(by_hand), abs=1e-6)]


def test_copies_take_parameters_of_stages(df: DataFrame) -> None:
    sampler, last = smote(), regression()
    pipeline = Pipeline(stages=[assembler(), sampler, last])
    copied = pipeline.copy({sampler.k_neighbors: 7, last.regParam: 0.5, pipeline.fold_col: "fold"})
    assert [s.uid for s in copied.getStages()] == [s.uid for s in pipeline.getStages()]
    assert copied.getStages()[1].getOrDefault("k_neighbors") == 7 and sampler.getOrDefault("k_neighbors") == 3
    assert copied.getStages()[2].getRegParam() == 0.5 and copied.getOrDefault("fold_col") == "fold"
    assert "stages: " in pipeline.explainParams() and "fold_col: " in pipeline.explainParams()
    other = [assembler(), Recorder()]
    pipeline.fit(df, {pipeline.stages: other})
    assert SEEN[0].sizes == {0: 210, 1: 42}


def test_save_and_load(df: DataFrame, tmp_path: Path) -> None:
    pipeline = Pipeline(stages=[assembler(), over(sampling_strategy=0.7), regression()], fold_col="fold")
    folder = f"{tmp_path}/one"
    pipeline.save(folder)
    with pytest.raises(Exception, match="(?i)exist"):
        pipeline.save(folder)
    pipeline.write().overwrite().save(folder)
    loaded = Pipeline.load(folder)
    assert type(loaded) is Pipeline and loaded.uid == pipeline.uid and loaded.getOrDefault("fold_col") == "fold"
    assert [s.uid for s in loaded.getStages()] == [s.uid for s in pipeline.getStages()]
    assert loaded.getStages()[1].getOrDefault("sampling_strategy") == 0.7
    fitted, again = pipeline.fit(df), loaded.fit(df)
    assert exact(fitted.transform(df)) == exact(again.transform(df))
    fitted.write().overwrite().save(f"{tmp_path}/model")
    assert exact(PipelineModel.load(f"{tmp_path}/model").transform(df)) == exact(fitted.transform(df))
    SparkPipeline(stages=[pipeline]).save(f"{tmp_path}/outer")
    assert type(SparkPipeline.load(f"{tmp_path}/outer").getStages()[0]) is Pipeline
    with pytest.raises(InputError, match=r"RandomOverSampler, not a steelyard\.pipeline\.Pipeline"):
        Pipeline.load(f"{folder}/stages/1_{pipeline.getStages()[1].uid}")
    by_function = Pipeline(stages=[over(sampling_strategy=lambda counts: counts), regression()])
    with pytest.raises(InputError, match="function"):
        by_function.save(f"{tmp_path}/function")


@pytest.mark.long
def test_validators_save_and_load(df: DataFrame, tmp_path: Path) -> None:
    sampler, last = over(), regression()
    grid = ParamGridBuilder().addGrid(last.regParam, [0.1]).addGrid(sampler.sampling_strategy, [{"1": 60}, {"1": 90}])
    validator = CrossValidator(
        estimator=Pipeline(stages=[assembler(), sampler, last], fold_col="fold"),
        estimatorParamMaps=grid.build(),
        evaluator=Evaluator(metric="brier"),
        foldCol="fold",
        numFolds=FOLDS,
    )
    loaded = saved(validator, tmp_path)
    assert loaded.getEvaluator().getOrDefault("metric") == "brier"
    model = loaded.fit(df)
    model.write().overwrite().save(f"{tmp_path}/model")
    again = CrossValidatorModel.load(f"{tmp_path}/model")
    assert again.avgMetrics == model.avgMetrics
    assert type(again.getEstimator()) is Pipeline
    assert exact(again.transform(df)) == exact(model.transform(df))


def test_validators_of_java_parts_alone_keep_the_pipeline(df: DataFrame, tmp_path: Path) -> None:
    """Spark would save them by Java, which knows no other pipeline than its own."""
    last = regression()
    validator = CrossValidator(
        estimator=Pipeline(stages=[assembler(), last], fold_col="fold"),
        estimatorParamMaps=[{last.regParam: 0.1}],
        evaluator=BinaryClassificationEvaluator(),
    )
    saved(validator, tmp_path)


def saved(validator: CrossValidator, folder: Path) -> CrossValidator:
    validator.write().overwrite().save(f"{folder}/cv")
    loaded = CrossValidator.load(f"{folder}/cv")
    assert type(loaded.getEstimator()) is Pipeline and loaded.getEstimator().getOrDefault("fold_col") == "fold"
    assert type(loaded.getEvaluator()) is type(validator.getEvaluator())
    assert loaded.getEstimatorParamMaps() == validator.getEstimatorParamMaps()
    return loaded


@pytest.mark.parametrize(
    ("stages", "parts"),
    [
        (lambda: [regression(), "smote"], ("stages[1]", "a transformer, an estimator or a sampler", "'smote'")),
        (lambda: [SMOTE], ("stages[0]", "instance, not the class")),
        (smote, ("stages must be a list",)),
        (lambda: [regression(), smote()], ("no estimator after the sampler SMOTE_", "fit_resample")),
        (lambda: [smote(), assembler()], ("no estimator after the sampler SMOTE_",)),
        (lambda: [RandomUnderSampler(), smote()], ("no estimator after the sampler RandomUnderSampler_",)),
        (lambda: [smote()] * 2 + [regression()], ("SMOTE_", "more than once")),
    ],
)
def test_stages_that_cannot_be_are_refused(stages: Callable[[], Any], parts: tuple[str, ...], df: DataFrame) -> None:
    with pytest.raises(InputError) as failure:
        Pipeline(stages=stages())
    assert all(part in str(failure.value) for part in parts), failure.value

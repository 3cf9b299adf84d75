"""A classifier without a run directory, and as a Spark ML estimator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline as SparkPipeline
from pyspark.ml import PipelineModel
from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import average_precision_score, confusion_matrix

from steelyard.classifier import Classifier, ClassifierEstimator, ClassifierModel, fit
from steelyard.dataset import Cost, Dataset
from steelyard.errors import ConfigError, InputError
from steelyard.splitting import fold_rows, holdout
from steelyard.stats import class_counts

TRAIN = {
    "xgboost": {"model": "xgboost", "params": {"n_estimators": 8, "max_depth": 3}, "num_workers": 1},
    "logistic_regression": {"model": "logistic_regression", "params": {"maxIter": 20}, "num_workers": 1},
}
SAMPLED = {"method": "random_under_sampler", "sampling_strategy": 0.5}


def table(n: int = 900) -> pd.DataFrame:
    """Return rows of two classes, 10 % positive, in groups of three."""
    rng = np.random.default_rng(3)
    y = (np.arange(n) % 10 == 0).astype(int)
    x = rng.normal(size=(n, 2)) + 1.3 * y[:, None]
    return pd.DataFrame({
        "id": np.arange(n), "g": np.arange(n) // 3, "x0": x[:, 0], "x1": x[:, 1],
        "colour": rng.choice(["red", "blue"], n), "loss": rng.uniform(5, 50, n), "y": y,
        "held": rng.random(n) < 0.25,
    })  # fmt: skip


@pytest.fixture(scope="module")
def df(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(table()).cache()


def estimator(model: str, **how: Any) -> ClassifierEstimator:
    given: dict[str, Any] = {"features_col": ["x0", "x1", "colour"], "key_col": "id", "validation": 0.3}
    recipe = {"recipe": {"resample": SAMPLED, "train": TRAIN[model]}}
    return ClassifierEstimator(label_col="y", **{**recipe, **given, **how})


def test_fit_and_decide_without_a_run(df: DataFrame, tmp_path: Path) -> None:
    data = Dataset("y", ("x0", "x1", "colour"), ("colour",), key=("id",), cost=Cost("loss", 1.0), classes=("0", "1"))
    train, validation = df.where(~F.col("held")), df.where("held")
    recipe = {"resample": SAMPLED, "train": TRAIN["xgboost"], "decide": {"uncertainty": "venn_abers"}}
    classifier = fit(recipe, train, validation, data)
    assert classifier.classes == ("0", "1") and classifier.policy.calibration.method == "prior"
    assert classifier.policy.chosen is not None and classifier.policy.chosen.rule == {"minimize": "cost"}
    classifier.save(str(tmp_path / "c"))
    with pytest.raises(InputError, match="exists already"):
        classifier.save(str(tmp_path / "c"))
    classifier.save(str(tmp_path / "c"), overwrite=True)
    again = Classifier.load(str(tmp_path / "c"))
    found = again.transform(df.drop("y")).toPandas().sort_values("id")
    first = classifier.transform(df.drop("y")).toPandas().sort_values("id")
    for name in ("calibrated_probability", "probability_low", "probability_high"):
        assert first[name].tolist() == found[name].tolist()
    assert (found["probability_low"] <= found["probability_high"]).all() and found["probability_low"].nunique() > 2
    # Under-sampled to a half, corrected: the mean is the prevalence again.
    assert found["calibrated_probability"].mean() == pytest.approx(0.1, rel=0.25)
    with pytest.raises(InputError, match="transform adds two columns 'p'"):
        classifier.transform(df, probability="p", calibrated="p")
    with pytest.raises(InputError, match="adds 'x0'"):
        classifier.transform(df, low="x0")
    by_ml = ClassifierModel(classifier).transform(df.drop("y"))
    assert by_ml.columns[-3:] == ["decision", "probability_low", "probability_high"]
    raised = found["calibrated_probability"] >= classifier.policy.threshold
    assert (found["decision"] == np.where(raised, "1", "0")).all()
    with pytest.raises(InputError, match="holds no classifier"):
        Classifier.load(str(tmp_path))
    for file in ("policy.json", "model/model.json", "model/booster.ubj", "classifier.json"):
        damaged = tmp_path / "c" / file
        damaged.write_bytes(damaged.read_bytes()[:40])
        with pytest.raises(InputError, match=f"{file} is (missing or has changed since|damaged)"):
            Classifier.load(str(tmp_path / "c"))
        classifier.save(str(tmp_path / "c"), overwrite=True)
    (tmp_path / "c" / "policy.json").unlink()
    with pytest.raises(InputError, match="policy.json is missing or has changed"):
        Classifier.load(str(tmp_path / "c"))


@pytest.mark.parametrize("model", TRAIN)
def test_spark_ml_takes_the_estimator_in_pipelines_and_saves_it(df: DataFrame, tmp_path: Path, model: str) -> None:
    stages = [
        VectorAssembler(inputCols=["x0", "x1"], outputCol="features"),
        estimator(model, features_col="features", group_col="g"),
    ]
    SparkPipeline(stages=stages).write().overwrite().save(f"file://{tmp_path}/pipeline")
    pipeline: SparkPipeline = SparkPipeline.load(f"file://{tmp_path}/pipeline")
    fitted = pipeline.fit(df)
    fitted.write().overwrite().save(f"file://{tmp_path}/model")
    again = PipelineModel.load(f"file://{tmp_path}/model")
    assert isinstance(again.stages[-1], ClassifierModel)
    scored = again.transform(df)
    assert scored.columns[-4:] == ["probability", "calibrated_probability", "prediction", "decision"]
    rows = scored.select("y", *scored.columns[-4:]).toPandas()
    assert (rows["prediction"].astype(int).astype(str) == rows["decision"]).all()
    positive = np.array([v[1] for v in rows["probability"]])
    assert rows["y"].corr(rows["calibrated_probability"]) > 0.3
    evaluator = BinaryClassificationEvaluator(labelCol="y", rawPredictionCol="probability", metricName="areaUnderPR")
    assert evaluator.evaluate(scored) == pytest.approx(average_precision_score(rows["y"], positive), abs=0.02)
    accuracy = MulticlassClassificationEvaluator(labelCol="y", metricName="accuracy").evaluate(scored)
    confusion = confusion_matrix(rows["y"], rows["prediction"])
    assert accuracy == pytest.approx(np.trace(confusion) / len(rows))


def test_spark_ml_validates_recipes_against_each_other(df: DataFrame, tmp_path: Path) -> None:
    one = estimator("logistic_regression")
    recipes = [{"train": TRAIN["logistic_regression"], "resample": r} for r in (SAMPLED, {"method": "none"})]
    validator = CrossValidator(
        estimator=one,
        estimatorParamMaps=ParamGridBuilder().addGrid(one.recipe, recipes).build(),
        evaluator=BinaryClassificationEvaluator(labelCol="y", rawPredictionCol="probability"),
        numFolds=2,
        seed=5,
    )
    found = validator.fit(df.drop("held", "loss", "g"))
    assert all(0.7 < area < 1 for area in found.avgMetrics)
    found.write().overwrite().save(f"file://{tmp_path}/cv")
    best = type(found).load(f"file://{tmp_path}/cv").bestModel
    assert isinstance(best, ClassifierModel)
    both = [m.transform(df).select("decision").collect() for m in (found.bestModel, best)]
    assert both[0] == both[1]


def test_a_label_of_zero_and_one_keeps_its_order_where_one_is_common(df: DataFrame) -> None:
    turned = df.withColumn("y", 1 - F.col("y")).where("not held")
    model = estimator("logistic_regression").fit(turned)
    assert model.classifier.policy.positive == "0" and model.classes == ("0", "1")
    rows = model.transform(turned).select("y", "probability", "calibrated_probability", "prediction").toPandas()
    first = np.array([v[0] for v in rows["probability"]])
    assert rows["calibrated_probability"].corr(pd.Series(first), method="spearman") == pytest.approx(1)
    assert (rows["prediction"] == rows["y"]).mean() > 0.5


def test_words_as_labels_and_three_classes(df: DataFrame) -> None:
    kinds = F.when(F.col("y") == 1, "bad").when(F.col("id") % 3 == 0, "odd").otherwise("fine")
    model = estimator("xgboost", recipe={"train": TRAIN["xgboost"]}).fit(df.withColumn("y", kinds))
    assert set(model.classes) == {"bad", "odd", "fine"} and model.classes[0] == "fine"
    row = model.transform(df).first()
    assert row is not None and model.classes[int(row["prediction"])] == row["decision"]
    assert sum(row["probability"]) == pytest.approx(1) and set(row["calibrated_probability"]) == set(model.classes)
    with pytest.raises(ConfigError, match="decide.threshold is for two classes, and the label has 3: 'fine', 'odd'"):
        estimator("xgboost", recipe={"decide": {"threshold": {"value": 0.2}}}).fit(df.withColumn("y", kinds))


def test_rows_are_held_out_by_a_column_or_exactly_and_in_whole_groups(
    df: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[DataFrame, DataFrame]] = []
    from steelyard.classifier import _estimator

    def spy(recipe: Any, train: DataFrame, validation: DataFrame, data: Dataset) -> Classifier:
        seen.append((train, validation))
        return fit(recipe, train, validation, data)

    monkeypatch.setattr(_estimator, "fit_recipe", spy)
    estimator("logistic_regression", validation_indicator_col="held").fit(df)
    estimator("logistic_regression", group_col="g").fit(df)
    by_column, by_group = ([part.toPandas() for part in parts] for parts in seen)
    frame = table()
    assert set(by_column[1]["id"]) == set(frame["id"][frame["held"]]) and "held" not in by_column[0]
    assert not set(by_group[0]["g"]) & set(by_group[1]["g"])
    assert sum(len(part) for part in by_group) == len(frame)


def test_a_holdout_is_exact_under_any_partitioning(df: DataFrame) -> None:
    data = Dataset("y", ("x0", "x1"), key=("id",))
    counts = class_counts(df, "y").counts
    ids = []
    for rows in (df.coalesce(1), df.repartition(7)):
        plan = holdout(rows, data, counts, 0.15, seed=4)
        train, held = fold_rows(rows, plan, 0)
        found = held.groupBy("y").count().toPandas().set_index("y")["count"].to_dict()
        assert found == {0: round(0.15 * counts["0"]), 1: 14}  # 13.5 rounded half up
        assert train.count() + held.count() == df.count()
        ids.append(sorted(row["id"] for row in held.select("id").collect()))
    assert ids[0] == ids[1]
    with pytest.raises(InputError, match="too few to hold out"):
        holdout(df, data, {"0": 810, "1": 3}, 0.1)


WRONG: dict[str, tuple[Callable[[], ClassifierEstimator], type[Exception], str]] = {
    "recipe": (
        lambda: ClassifierEstimator(recipe={"trian": {}}),
        ConfigError,
        "trian: unknown key. Did you mean 'train'",
    ),
    "value": (lambda: ClassifierEstimator(recipe={"train": {"seed": "x"}}), ConfigError, "train.seed"),
    "no mapping": (lambda: ClassifierEstimator(recipe="smote"), InputError, "recipe must be a mapping"),  # type: ignore[arg-type]
    "cost": (lambda: ClassifierEstimator(cost_fn=-1.0), InputError, "cost_fn must be a number, 0 or more"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_parameters_are_refused_when_they_are_given(case: str) -> None:
    make, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        make()


def test_wrong_columns_and_names_are_refused_before_training(df: DataFrame) -> None:
    with pytest.raises(InputError, match="'held2'"):
        estimator("xgboost", validation_indicator_col="held2").fit(df)
    with pytest.raises(InputError, match="must be a boolean column, and is"):
        estimator("xgboost", validation_indicator_col="g").fit(df)
    with pytest.raises(InputError, match="'lable'"):
        ClassifierEstimator(label_col="lable").fit(df)
    with pytest.raises(InputError, match="'is_synthetic' is of type int"):
        estimator("xgboost").fit(df.withColumn("is_synthetic", F.lit(1)))
    for name in ("probability", "Prediction", "calibrated_probability", "decision"):
        with pytest.raises(InputError, match=rf"has a column '{name}', and ClassifierModel\.transform adds"):
            estimator("xgboost").fit(df.withColumn(name, F.lit(0.5)))
    with pytest.raises(InputError, match=r"^positive: '7' is not a class of the label"):
        estimator("xgboost", positive=7).fit(df)
    with pytest.raises(InputError, match=r"a time is not a feature.*leave it out \(exclude_col\)"):
        estimator("xgboost", features_col=None).fit(df.withColumn("day", F.lit("2026-01-01").cast("date")))
    with pytest.raises(InputError, match=r"cost column 'cost' is negative.*\(DataFrame\.where\)"):
        estimator("xgboost", cost_fn="cost").fit(df.withColumn("cost", F.lit(-1.0)))
    with pytest.raises(InputError, match=r"^dataset\.positive: '7' is not a class of the label"):
        fit(None, df, df, Dataset("y", ("x0",), positive="7"))
    three, costs = df.withColumn("y", F.col("id") % 3), {"cost_fn": 5.0, "key_col": None}
    with pytest.raises(ConfigError, match=r"^cost_fn, cost_fp: costs of errors are for two classes"):
        estimator("xgboost", **costs).fit(three)
    with pytest.raises(InputError, match=r"training rows have label '2', but the classes are '0', '1'"):
        fit(None, three, df, Dataset("y", ("x0",), classes=("0", "1")))


VALIDATION: dict[str, tuple[object, dict[str, Any], str]] = {
    "weight": (-1.0, {"weight": "v"}, "weight column 'v' is negative"),
    "cost": ("x", {"cost": Cost("v", 1.0)}, "cost 'v' must hold numbers"),
    "class": (7, {"label": "v"}, "270 validation rows have label '7', but the classes are '0', '1'"),
    "label": (None, {"label": "v"}, "label 'v' is null"),
}


@pytest.mark.parametrize("case", VALIDATION)
def test_unusable_validation_rows_are_refused_before_training(df: DataFrame, case: str) -> None:
    value, roles, words = VALIDATION[case]
    usual = F.col("y") if "label" in roles else F.lit(1.0)
    unusable = F.lit(value) if value is not None else F.lit(None).cast("int")
    train, validation = df.withColumn("v", usual), df.where("id < 270").withColumn("v", unusable)
    data = Dataset(**{"label": "y", "features": ("x0",), **roles})
    with pytest.raises(InputError, match=words):
        fit(None, train, validation, data)
    with pytest.raises(InputError, match="there are no validation rows"):
        fit(None, train, train.limit(0), data)
    with pytest.raises(InputError, match="there are no training rows"):
        fit(None, train.limit(0), train, data)


def test_a_sampler_before_the_estimator_is_refused() -> None:
    from steelyard.over_sampling import SMOTE
    from steelyard.pipeline import Pipeline

    with pytest.raises(InputError, match="its threshold set, on resampled rows. Give the sampler in its recipe"):
        Pipeline(stages=[SMOTE(label_col="y"), estimator("xgboost")])


def test_the_flag_of_resampled_rows_is_no_feature(df: DataFrame) -> None:
    resampled = df.select("x0", "x1", "y", (F.col("y") == 1).alias("is_synthetic"))
    model = estimator("logistic_regression", features_col=None, key_col=None, recipe=None).fit(resampled)
    assert model.classifier.model.preprocessing.names == ["x0", "x1"]
    assert model.transform(df.select("x0", "x1")).count() == df.count()

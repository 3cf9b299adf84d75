"""The evaluator gives Spark's validators the numbers of scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn import metrics as sk

from steelyard.errors import InputError
from steelyard.metrics import Evaluator, Metric, evaluate, register_metric, unregister_metric

THRESHOLD = 0.3
SKLEARN: dict[str, Any] = {
    "pr_auc": sk.average_precision_score,
    "roc_auc": sk.roc_auc_score,
    "brier": sk.brier_score_loss,
    "log_loss": sk.log_loss,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
    "f2": lambda y, d, **more: sk.fbeta_score(y, d, beta=2, **more),
    "specificity": lambda y, d, **more: sk.recall_score(y, d, pos_label=0, **more),
    "balanced_accuracy": sk.balanced_accuracy_score,
    "g_mean": lambda y, d, **more: np.sqrt(sk.recall_score(y, d, **more) * sk.recall_score(y, d, pos_label=0, **more)),
    "mcc": sk.matthews_corrcoef,
    "kappa": sk.cohen_kappa_score,
    "accuracy": sk.accuracy_score,
    "f0.5": lambda y, d, **more: sk.fbeta_score(y, d, beta=0.5, **more),
}
OF_SCORES = ("pr_auc", "roc_auc", "brier", "log_loss")


@pytest.fixture(scope="module")
def pdf() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 2000
    y = (rng.random(n) < 0.05).astype(int)
    p = 1 / (1 + np.exp(3 - rng.normal(size=n) - 2.5 * y))
    p[::3] = np.round(p[::3], 2)  # ties
    p[:5] = THRESHOLD
    return pd.DataFrame({"label": y, "p": p, "w": rng.choice([0.1, 0.5, 3.3], n)})


@pytest.fixture(scope="module")
def rows(spark: SparkSession, pdf: pd.DataFrame) -> DataFrame:
    df = spark.createDataFrame(pdf).withColumn("both", F.array(1 - F.col("p"), "p"))
    return df.withColumn("probability", array_to_vector("both")).cache()


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("metric", SKLEARN)
def test_equals_scikit_learn(metric: str, weight: str | None, pdf: pd.DataFrame, rows: DataFrame) -> None:
    given = pdf["p"] if metric in OF_SCORES else pdf["p"] >= THRESHOLD
    more = {} if weight is None else {"sample_weight": pdf[weight]}
    expected = SKLEARN[metric](pdf["label"], given, **more)
    evaluator = Evaluator(metric=metric, weight_col=weight, threshold=THRESHOLD)
    assert evaluator.evaluate(rows) == pytest.approx(expected, abs=1e-9)
    assert evaluator.isLargerBetter() is (metric not in {"brier", "log_loss"})


def test_scores_in_a_vector_an_array_or_a_number_and_labels_of_any_type(rows: DataFrame, pdf: pd.DataFrame) -> None:
    expected = pytest.approx(sk.average_precision_score(pdf["label"], pdf["p"]), abs=1e-12)
    assert Evaluator(score_col="both").evaluate(rows) == expected
    assert (
        Evaluator(score_col="p", positive=1).evaluate(rows.withColumn("label", F.col("label").cast("double")))
        == expected
    )
    named = rows.withColumns(
        {"label": F.when(F.col("label") == 1, "fraud").otherwise("no"), "flag": F.col("label") == 1}
    )
    assert Evaluator(score_col="p", positive="fraud").evaluate(named) == expected
    assert Evaluator(score_col="p", label_col="flag", positive="true").evaluate(named) == expected
    other = sk.average_precision_score(1 - pdf["label"], 1 - pdf["p"])
    assert Evaluator(positive=0).evaluate(rows) == pytest.approx(other, abs=1e-12)


def test_many_distinct_scores_are_decided_exactly(
    rows: DataFrame, pdf: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.metrics._aggregate.MOST_SCORES", 16)
    expected = sk.f1_score(pdf["label"], pdf["p"] >= THRESHOLD)
    assert Evaluator(metric="f1", threshold=THRESHOLD).evaluate(rows) == pytest.approx(expected, abs=1e-12)


def test_spark_is_off_where_positives_are_rare(spark: SparkSession) -> None:
    """Ten positives in 20,000 rows: 1,000 points of the curve leave about one for all of them."""
    rng = np.random.default_rng(0)
    y = np.arange(20_000) < 10
    p = 1 / (1 + np.exp(6 - rng.normal(size=20_000) - 3.5 * y))
    df = spark.createDataFrame(pd.DataFrame({"label": y.astype(float), "p": p})).cache()
    expected = sk.average_precision_score(y, p)
    assert expected == pytest.approx(0.629, abs=0.001)
    assert Evaluator(score_col="p").evaluate(df) == pytest.approx(expected, abs=1e-9)
    of_spark = BinaryClassificationEvaluator(rawPredictionCol="p", metricName="areaUnderPR")
    assert of_spark.evaluate(df) == pytest.approx(0.294, abs=0.001)
    every_point = of_spark.copy({of_spark.numBins: 0}).evaluate(df)
    assert abs(every_point - expected) > 0.01, "lines between all points are no average precision either"


@pytest.mark.parametrize(
    ("params", "change", "parts"),
    [
        ({"score_col": "probabilty"}, {}, ("score_col", "'probability'")),
        ({"label_col": "lable"}, {}, ("label_col", "'label'")),
        ({"score_col": "text"}, {"text": "'a'"}, ("score_col 'text'", "number", "string")),
        ({"weight_col": "text"}, {"text": "'a'"}, ("weight_col 'text'", "numbers", "string")),
        ({"positive": "fraud"}, {}, ("class 'fraud'", "score_col 'probability'", "indexed label")),
        ({"positive": "2"}, {}, ("score is null",)),
        ({}, {"label": "0"}, ("pr_auc isn't defined", "0 positive", "2,000 other", "'1'", "'label'")),
        ({"metric": "roc_auc"}, {"label": "1"}, ("roc_auc isn't defined", "2,000 positive")),
        ({"metric": "brier", "score_col": "p"}, {"p": "p * 2"}, ("brier needs probabilities", "'p'")),
        ({"metric": "f1", "score_col": "p"}, {"p": "double('NaN')"}, ("NaN",)),
        ({"metric": "f1", "score_col": "p"}, {"p": "cast(null as double)"}, ("score is null",)),
        ({"weight_col": "w"}, {"w": "-1.0D"}, ("weight is null, negative",)),
    ],
)
def test_what_cannot_be_judged_is_refused(
    params: dict[str, Any], change: dict[str, str], parts: tuple[str, ...], rows: DataFrame
) -> None:
    with pytest.raises(InputError) as failure:
        Evaluator(**params).evaluate(rows.withColumns({n: F.expr(c) for n, c in change.items()}) if change else rows)
    assert all(part in str(failure.value) for part in parts), failure.value


@pytest.mark.parametrize(
    ("param", "value"),
    [("metric", "pr-auc"), ("positive", True), ("positive", 1.0), ("threshold", "high"), ("weight_col", 3)],
)
def test_values_that_cannot_be_are_refused(param: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{param} must be.*Got .* instead"):
        Evaluator(**{param: value})


def test_parameters(rows: DataFrame, tmp_path: Path) -> None:
    evaluator = Evaluator(metric="f2", positive=1)
    assert all(f"{p.name}: " in evaluator.explainParams() for p in evaluator.params)
    assert evaluator.evaluate(rows, {evaluator.metric: "brier"}) == Evaluator(metric="brier").evaluate(rows)
    evaluator.save(f"{tmp_path}/one")
    evaluator.write().overwrite().save(f"{tmp_path}/one")
    loaded = Evaluator.load(f"{tmp_path}/one")
    assert loaded.uid == evaluator.uid
    assert loaded.extractParamMap() == evaluator.extractParamMap()


def test_nothing_stays_cached(spark: SparkSession, rows: DataFrame) -> None:
    scored = rows.select("label", (F.col("p") / 2).alias("p"))
    Evaluator(score_col="p").evaluate(scored)
    assert not scored.select(F.col("label").cast("string"), "p").storageLevel.useMemory


def test_a_registered_metric_is_evaluated_and_written(rows: DataFrame, pdf: pd.DataFrame) -> None:
    register_metric(
        Metric(
            name="youden_j",
            label="Youden's J",
            description="recall + specificity - 1",
            kind="counts",
            value=lambda c: c.recall + c.specificity - 1,
            range=(-1, 1),
        )
    )
    try:
        expected = 2 * sk.balanced_accuracy_score(pdf["label"], pdf["p"] >= THRESHOLD) - 1
        evaluator = Evaluator(metric="youden_j", threshold=THRESHOLD)
        assert evaluator.evaluate(rows) == pytest.approx(expected, abs=1e-12) and evaluator.isLargerBetter()
        bucket = F.pmod(F.xxhash64("p"), F.lit(200)).cast("int")
        found = evaluate(
            rows, classes=("0", "1"), positive="1", bucket=bucket, score="p", decision=None, threshold=THRESHOLD
        ).to_json()["per_class"]["1"]["youden_j"]
        assert found["value"] == pytest.approx(expected, abs=1e-12)
        assert found["ci95"][0] < expected < found["ci95"][1]
    finally:
        unregister_metric("youden_j")
    with pytest.raises(InputError, match="there is no metric 'youden_j'"):
        evaluator.evaluate(rows)

"""Metrics of Spark DataFrames: equal to those of the rows at hand, from any partitioning; bad rows are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn import metrics as sk

from steelyard.deciding import (
    Beta,
    Calibrator,
    Identity,
    Isotonic,
    Platt,
    Prior,
    Quadratic,
    Steps,
    Temperature,
    choose_threshold,
    fit_calibrator,
    fit_class_calibrators,
)
from steelyard.errors import ConfigError, InputError
from steelyard.metrics import (
    BucketTable,
    ScoreTable,
    _aggregate,
    evaluate,
    evaluate_splits,
    score_table,
    split_document,
)

THRESHOLD = 0.3


def simulated(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.05
    score = 1 / (1 + np.exp(3 - rng.normal(size=n) - 2.5 * label))
    score[::3] = np.round(score[::3], 2)  # ties
    return pd.DataFrame(
        {
            "label": label.astype(int),
            "score": score,
            "decision": np.where(score >= THRESHOLD, "1", "0"),
            "w": rng.choice([0.1, 0.5, 1.0, 3.3], n),
            "amount": np.round(rng.lognormal(3, 1, n), 2),
            "bucket": rng.integers(0, 200, n),
            "split": rng.choice(["validation", "test"], n),
        }
    )


def judged(df: DataFrame, **more: Any) -> Any:
    given = {"classes": ("0", "1"), "positive": "1", "bucket": F.col("bucket"), "threshold": THRESHOLD}
    return evaluate(df, **{**given, **more})


COSTS = {"weight": "w", "false_negative": "amount", "false_positive": 2.5}


@pytest.fixture(scope="module")
def pdf() -> pd.DataFrame:
    return simulated()


@pytest.fixture(scope="module")
def rows(spark: SparkSession, pdf: pd.DataFrame) -> DataFrame:
    return spark.createDataFrame(pdf).cache()


def tables_of(pdf: pd.DataFrame) -> tuple[ScoreTable, BucketTable]:
    score, positive, w = pdf["score"].to_numpy(), pdf["label"].to_numpy() == 1, pdf["w"].to_numpy()
    cost = {"cost_fn": pdf["amount"].to_numpy(), "cost_fp": np.full(len(pdf), 2.5)}
    table = ScoreTable.from_rows(score, positive, w, **cost)
    bucket = pdf["bucket"].to_numpy()
    return table, BucketTable.from_rows(table, score, positive, score >= THRESHOLD, bucket, weight=w, **cost)


def close(found: Any, expected: Any) -> bool:
    """Whether two documents are equal but for the last digits of numbers."""
    if isinstance(expected, dict):
        return set(found) == set(expected) and all(close(found[k], v) for k, v in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return bool(found == (expected if isinstance(expected, str) else pytest.approx(expected, rel=1e-9, abs=1e-12)))


def test_the_document_is_that_of_the_rows_at_hand(rows: DataFrame, pdf: pd.DataFrame) -> None:
    table, buckets = tables_of(pdf)
    actual, decided = pdf["label"].astype(str), pdf["decision"]
    confusion = {a: {d: int(((actual == a) & (decided == d)).sum()) for d in ("0", "1")} for a in ("0", "1")}
    expected = split_document(("0", "1"), "1", confusion, {"1": (table, buckets)}, grouped=False)
    found = judged(rows, **COSTS)
    assert close(found.to_json(), expected)
    curves = found.curves()["1"]
    assert min(t for t in curves["thresholds"]["threshold"] if t >= THRESHOLD) >= THRESHOLD
    json.dumps(curves, allow_nan=False)


@pytest.mark.invariance
def test_the_same_digits_from_any_partitioning(rows: DataFrame) -> None:
    documents = {
        json.dumps(judged(df, **COSTS).to_json())
        for df in (rows.repartition(1), rows.repartition(7, "amount"), rows.orderBy("amount").repartition(200))
    }
    assert len(documents) == 1


@pytest.mark.classic
def test_three_aggregations(spark: SparkSession, rows: DataFrame) -> None:
    rows.count()
    spark.sparkContext.setJobGroup("metrics", "count jobs")
    judged(rows, **COSTS)
    jobs = spark.sparkContext.statusTracker().getJobIdsForGroup("metrics")
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", "")
    assert len(jobs) <= 6  # adaptive execution runs the two sides of a shuffle as two jobs


def test_real_scores_are_judged_as_scikit_learn_does(
    spark: SparkSession, real_data: Callable[[str], str], tmp_path: Any
) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    table = pd.read_parquet(real_data("creditcard_ulb_sample"))
    label = next(name for name in table.columns if name.lower() == "class")
    y = table[label].to_numpy().astype(int)
    x = StandardScaler().fit_transform(table.drop(columns=label).to_numpy(dtype=float))
    train = np.arange(len(y)) % 2 == 0
    p = LogisticRegression(max_iter=200).fit(x[train], y[train]).predict_proba(x[~train])[:, 1]
    y = y[~train]
    p = np.where(np.arange(len(p)) % 2, p.astype(np.float32), np.round(p, 4))
    scored = pd.DataFrame({"label": y, "score": p, "amount": table["Amount"].to_numpy()[~train]})
    scored["bucket"] = np.arange(len(scored)) % 200
    scored.to_parquet(tmp_path / "scores.parquet")
    df = spark.read.parquet(str(tmp_path / "scores.parquet"))
    found = judged(df, decision=None, false_negative="amount", false_positive=5).to_json()
    d = p >= THRESHOLD
    own = found["per_class"]["1"]
    expected = {
        "pr_auc": sk.average_precision_score(y, p),
        "roc_auc": sk.roc_auc_score(y, p),
        "precision": sk.precision_score(y, d),
        "recall": sk.recall_score(y, d),
        "f2": sk.fbeta_score(y, d, beta=2),
    }
    for name, value in expected.items():
        assert own[name]["value"] == pytest.approx(value, abs=1e-9), name
    assert found["brier"]["value"] == pytest.approx(sk.brier_score_loss(y, p), abs=1e-9)
    assert found["log_loss"]["value"] == pytest.approx(sk.log_loss(y, p), abs=1e-9)
    assert found["mcc"]["value"] == pytest.approx(sk.matthews_corrcoef(y, d), abs=1e-9)
    cost = np.where(y == 1, ~d * scored["amount"], d * 5.0).mean()
    assert found["expected_cost"]["value"] == pytest.approx(cost, rel=1e-9)


def test_ranges_of_scores_have_bounds_and_decisions_stay_exact(
    rows: DataFrame, pdf: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = judged(rows, **COSTS).to_json()
    monkeypatch.setattr(_aggregate, "MOST_SCORES", 150)
    found = judged(rows, **COSTS)
    assert len(found.tables["1"]) <= 150
    assert not found.tables["1"].exact
    rough = found.to_json()
    for name in ("precision", "recall", "f1", "f2", "specificity"):
        assert rough["per_class"]["1"][name]["value"] == exact["per_class"]["1"][name]["value"]
        assert "bounds" not in rough["per_class"]["1"][name]
    assert rough["expected_cost"]["value"] == pytest.approx(exact["expected_cost"]["value"])
    pairs = [(rough["per_class"][c][m], exact["per_class"][c][m]) for c in "01" for m in ("pr_auc", "roc_auc")]
    pairs += [(rough[m], exact[m]) for m in ("brier", "log_loss", "ece", "recall_at_precision_0.9", "precision_at_k")]
    for number, true in pairs:
        low, high = number["bounds"]
        assert low - 1e-12 <= true["value"] <= high + 1e-12
        assert low - 1e-12 <= number["value"] <= high + 1e-12
        assert high - low < 0.2
    for low, high in zip(found.tables["1"].low[:-1], found.tables["1"].high[1:], strict=True):
        assert low > high  # ranges don't overlap


def test_a_split_is_picked(rows: DataFrame, pdf: pd.DataFrame) -> None:
    found = judged(rows, split="test").to_json()
    assert found["n"] == (pdf["split"] == "test").sum()
    with pytest.raises(InputError, match="no scored rows"):
        judged(rows, split="nothing")


@pytest.mark.parametrize("exact", [True, False])
def test_splits_are_judged_at_once_as_each_by_itself(
    rows: DataFrame, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three aggregations in all; also where one split, of more distinct scores, is judged by ranges."""
    validation, test = F.col("split") == "validation", F.col("split") == "test"
    rows = rows.where(test | (validation & (F.col("amount") < 12)))
    if not exact:
        monkeypatch.setattr("steelyard.metrics._aggregate.MOST_SCORES", 700)
    how = {"classes": ("0", "1"), "positive": "1", "bucket": F.col("bucket"), "threshold": THRESHOLD, **COSTS}
    found = evaluate_splits(rows, ("validation", "test"), **how)
    assert [of.tables["1"].exact for of in found.values()] == [True, exact]
    for split, of in found.items():
        assert json.dumps(of.to_json()) == json.dumps(judged(rows, split=split, **COSTS).to_json())
    with pytest.raises(InputError, match="no scored rows"):
        evaluate_splits(rows, ("validation", "nothing"), **how)


@pytest.mark.parametrize("as_text", [lambda c: F.when(c == 1, "ja").otherwise("nein"), lambda c: c == 1])
def test_labels_of_any_type(rows: DataFrame, as_text: Callable[[Any], Any]) -> None:
    df = rows.withColumn("label", as_text(F.col("label")))
    classes = ("nein", "ja") if dict(df.dtypes)["label"] == "string" else ("false", "true")
    found = judged(df, classes=classes, positive=classes[1], decision=None).to_json()
    assert found["per_class"][classes[1]]["pr_auc"] == judged(rows).to_json()["per_class"]["1"]["pr_auc"]


BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("score", "double('NaN')", {}, "in 3,000 of 3,000 scored rows the score is null, NaN or infinite"),
    ("score", "if(amount > 20, score, null)", {}, "the score is null"),
    ("label", "if(amount > 20, label, null)", {}, "the label is null"),
    ("label", "2", {}, "labels that are not classes: '2'"),
    ("w", "-1.0", COSTS, "the weight is null, negative"),
    ("amount", "double(null)", COSTS, "a cost is null"),
    ("bucket", "200", {}, "the bucket is null or outside 0 to 199"),
    ("decision", "'1'", {}, "the decision isn't the one that score and threshold make"),
    ("decision", "'x'", {"threshold": None}, "decisions that are not classes: 'x'"),
    ("score", "string(score)", {}, "score 'score' must be a number, a map of class to number.* It is string instead"),
    ("score", "timestamp(cast(score as bigint))", {}, "It is timestamp instead"),
    ("w", "'x'", COSTS, "weight 'w' must hold numbers. It is string instead"),
    ("amount", "true", COSTS, "cost 'amount' must hold numbers. It is boolean instead"),
    ("w", "if(label = 1, 0.0, w)", COSTS, "all weights of class '1' are 0"),
    ("w", "w * 1e300", COSTS, r"outside 0 and 1e-50 to 1e\+50"),
]


@pytest.mark.parametrize(("column", "expression", "more", "message"), BAD)
def test_rows_that_cannot_be_judged(
    rows: DataFrame, column: str, expression: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        judged(rows.withColumn(column, F.expr(expression)), **more)


def test_one_class_s_scores_in_any_form(rows: DataFrame) -> None:
    expected = judged(rows, decision=None).to_json()
    both = F.array(1 - F.col("score"), F.col("score"))
    for form in (both, F.create_map(F.lit("1"), F.col("score")), F.create_map(F.lit(1), F.col("score"))):
        assert judged(rows.withColumn("score", form), decision=None).to_json() == expected
    with pytest.raises(InputError, match="an entry for each of the classes 0, 1, …; the class 'ja' has none"):
        judged(rows.withColumn("score", both), classes=("nein", "ja"), positive="ja")


def test_thresholds_have_the_precision_of_the_scores(rows: DataFrame) -> None:
    single = rows.withColumn("score", F.when(F.col("label") == 1, 0.7).otherwise(0.1).cast("float"))
    found = judged(single, decision=None, threshold=0.7)
    assert found.to_json()["per_class"]["1"]["recall"]["value"] == 1.0
    assert found.curves()["1"]["thresholds"]["recall"][0] == 1.0


def test_weights_of_one_side_are_not_lost_beside_the_other_s(rows: DataFrame, pdf: pd.DataFrame) -> None:
    heavy = rows.withColumn("w", F.when(F.col("label") == 1, F.col("w") * 1e-12).otherwise(F.col("w") * 1e12))
    own = judged(heavy, weight="w").to_json()["per_class"]["1"]
    plain = judged(rows, weight="w").to_json()["per_class"]["1"]
    for name in ("recall", "specificity", "roc_auc"):
        assert own[name]["value"] == pytest.approx(plain[name]["value"], rel=1e-12)


def test_notes_on_scores(rows: DataFrame) -> None:
    assert judged(rows).notes == ()
    percent = judged(rows.withColumn("score", F.col("score") * 100), decision=None, threshold=30)
    assert percent.notes[0].startswith("the scores are not in [0, 1] (they are from ")
    assert percent.to_json()["ece"] == {"value": None, "ci95": None, "note": "the scores are not in [0, 1]"}
    turned = judged(rows.withColumn("score", 1 - F.col("score")), decision=None)
    assert turned.notes[0].startswith("the scores rank class '0' higher (ROC area of class '1': 0.0")


def test_missing_columns_and_decisions(rows: DataFrame) -> None:
    with pytest.raises(InputError, match=r"'scores' is not in the table. Did you mean 'score'\?"):
        judged(rows, score="scores")
    with pytest.raises(ConfigError, match="decided classes or, with two classes, a threshold"):
        judged(rows, decision=None, threshold=None)


def test_several_classes(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    classes = ("a", 'b "quoted"', "c")
    label = np.repeat(np.arange(3), (900, 250, 40))
    raw = np.exp(rng.normal(size=(len(label), 3)) + 1.5 * np.eye(3)[label])
    p = raw / raw.sum(axis=1, keepdims=True)
    guess = p.argmax(axis=1)
    records = [
        (classes[k], {name: float(v) for name, v in zip(classes, row, strict=True)}, classes[g], int(b))
        for k, row, g, b in zip(label, p, guess, rng.integers(0, 200, len(label)), strict=True)
    ]
    df = spark.createDataFrame(records, "label string, score map<string,double>, decision string, bucket int")
    common: dict[str, Any] = {"classes": classes, "positive": None, "bucket": F.col("bucket")}
    found = evaluate(df, **common).to_json()
    one_hot = np.eye(3)[label]
    for i, name in enumerate(classes):
        expected = sk.average_precision_score(one_hot[:, i], p[:, i])
        assert found["per_class"][name]["pr_auc"]["value"] == pytest.approx(expected, abs=1e-9)
        expected = sk.f1_score(label == i, guess == i)
        assert found["per_class"][name]["f1"]["value"] == pytest.approx(expected, abs=1e-9)
        assert found["support"][name] == (label == i).sum()
    assert found["mcc"]["value"] == pytest.approx(sk.matthews_corrcoef(label, guess), abs=1e-9)
    assert found["log_loss"]["value"] == pytest.approx(sk.log_loss(label, p), abs=1e-9)
    assert found["macro"]["roc_auc"]["value"] == pytest.approx(sk.roc_auc_score(label, p, multi_class="ovr"), abs=1e-9)
    assert found["macro"]["recall"]["ci95"] is not None
    assert evaluate(df.withColumnRenamed("score", "s"), score="s", **common).notes == ()
    twice = evaluate(df.withColumn("score", F.transform_values("score", lambda _, v: v / 2)), **common)
    assert twice.notes[0].startswith("the scores of a row do not sum to 1")
    assert twice.to_json()["log_loss"]["value"] is None
    assert twice.to_json()["macro"]["pr_auc"] == found["macro"]["pr_auc"]
    lacking = df.withColumn("score", F.map_filter("score", lambda k, _: k != "c"))
    with pytest.raises(InputError, match="lacks a class"):
        evaluate(lacking, classes=classes, positive=None, bucket=F.col("bucket"))


def test_score_table_is_that_of_the_rows_at_hand(rows: DataFrame, pdf: pd.DataFrame) -> None:
    found = score_table(
        rows,
        label=F.col("label").cast("string"),
        score=F.col("score"),
        positive="1",
        weight=F.col("w"),
        cost_fn=F.col("amount"),
        cost_fp=F.lit(2.5),
    )
    expected, _ = tables_of(pdf)
    assert (found.low == expected.low).all()
    for name in ("pos", "neg", "count_pos", "count_neg", "cost_fn", "cost_fp"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12), name
    for rule in ({"minimize": "cost"}, {"maximize": "f2"}):
        assert choose_threshold(found, rule).value == choose_threshold(expected, rule).value


def test_thresholds_decide_as_they_were_chosen(rows: DataFrame, pdf: pd.DataFrame) -> None:
    table, _ = tables_of(pdf)
    for method in ("temperature", "platt", "beta", "isotonic"):
        calibrator = fit_calibrator(method, table)
        df = rows.withColumn("score", calibrator.apply(F.col("score"))).drop("decision")
        again = score_table(df, label=F.col("label").cast("string"), score=F.col("score"), positive="1")
        chosen = choose_threshold(again, {"maximize": "f2"})
        found = judged(df, decision=None, threshold=chosen.value).to_json()
        assert found["per_class"]["1"]["f2"]["value"] == pytest.approx(chosen.achieved["f2"], abs=1e-12)
        raw = judged(rows, decision=None).to_json()
        assert found["per_class"]["1"]["pr_auc"]["value"] == pytest.approx(
            raw["per_class"]["1"]["pr_auc"]["value"], abs=1e-12
        )


@pytest.mark.parametrize(
    ("calibrator", "digits"),
    [
        (Identity(), 0.0),
        (Prior(1.0, 0.02), 0.0),
        (Isotonic((0.0, 1.0), (0.1, 0.9)), 0.0),
        (Isotonic(tuple(np.linspace(0, 1, 256)), tuple(np.linspace(0.001, 0.99, 256) ** 2)), 0.0),
        (Platt(1.7, -0.3), 1e-15),
        (Temperature(0.6), 1e-15),
        (Beta(0.9, 1.2, -0.3), 1e-15),
        (Quadratic(0.02, 1.1, -0.3, -9.0, 3.0), 1e-14),
        (Steps((Prior(1.0, 0.02), Temperature(0.6))), 1e-15),
    ],
)
def test_expressions_compute_what_numpy_does(spark: SparkSession, calibrator: Calibrator, digits: float) -> None:
    p = np.concatenate([np.linspace(0, 1, 2001), np.random.default_rng(0).random(2000), np.linspace(0, 1, 256)])
    df = spark.createDataFrame(pd.DataFrame({"p": p}))
    found = df.select(calibrator.apply(F.col("p")).alias("q")).toPandas()["q"].to_numpy()
    assert np.abs(found - calibrator.apply_numpy(p)).max() <= digits
    null = spark.range(1).select(calibrator.apply(F.lit(None).cast("double")).alias("q"))
    assert null.first()["q"] is None


def test_class_calibrators_as_an_expression(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([3, 2, 1], 500)
    label = np.array([rng.choice(3, p=row) for row in p])
    tables = [ScoreTable.from_rows(p[:, i], label == i) for i in range(3)]
    df = spark.createDataFrame([(row.tolist(),) for row in p], "p array<double>")
    for found in (
        fit_class_calibrators("isotonic", ("a", "b", "c"), tables),
        fit_class_calibrators("prior", ("a", "b", "c"), tables, rates={"a": 0.1, "b": 1.0, "c": 2.0}),
    ):
        calibrated = np.array([r["q"] for r in df.select(found.apply(F.col("p")).alias("q")).collect()])
        assert calibrated == pytest.approx(found.apply_numpy(p), abs=1e-12)

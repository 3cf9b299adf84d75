"""Fitted preprocessing: what raw columns become, by hand and by NumPy, and what is refused."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import pytest
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.learning import _preprocessing, _sample
from steelyard.learning._fitting import fit_preprocessing
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._sample import hash_sample
from steelyard.learning.base import LIMITS

NAN = float("nan")


def dataset(df: DataFrame, *categorical: str) -> Dataset:
    features = tuple(c for c in df.columns if c != "y")
    return Dataset(label="y", features=features, categorical=categorical, content=features, classes=("0", "1"))


def applied(df: DataFrame, fitted: Preprocessing) -> np.ndarray[Any, Any]:
    """Return the numbers of each row, which are the same where there are many and they become one array."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_preprocessing, "MANY", 0)
        many = fitted.array(df)
    rows = df.select(F.array(*fitted.columns(df)).alias("x"), many.alias("many")).collect()
    assert np.array_equal(*np.array([(r["many"], r["x"]) for r in rows], dtype=float).swapaxes(0, 1), equal_nan=True)
    return np.array([r["x"] for r in rows], dtype=float)


def numbers(spark: SparkSession) -> DataFrame:
    rows = [(1, 2.0, True, 0), (2, None, False, 1), (3, NAN, None, 0), (4, 8.0, True, 1), (10, 6.0, True, 0)]
    return spark.createDataFrame(rows, "a int, b double, c boolean, y int")


def test_a_linear_model_gets_imputed_standardised_numbers_and_indicators(spark: SparkSession) -> None:
    df = numbers(spark)
    fitted = fit_preprocessing(df, dataset(df, "c"), impute=True, standardise=True)
    assert fitted.names == ["a", "b", "b is missing", "c", "c is missing"]
    a = np.array([1, 2, 3, 4, 10.0])
    b = np.array([2, 6, 6, 8, 6.0])  # the median of 2, 8, 6
    c = np.array([1, 0, 1, 1, 1.0])
    expected = np.column_stack(
        [(v - v.mean()) / v.std() for v in (a, b)] + [[0, 1, 1, 0, 0], (c - c.mean()) / c.std(), [0, 0, 1, 0, 0]]
    )
    assert np.allclose(applied(df, fitted), expected, rtol=1e-14)


def test_imputing_and_standardising_are_separate(spark: SparkSession) -> None:
    df = numbers(spark).select("b", "y")
    imputed = applied(df, fit_preprocessing(df, dataset(df), impute=True))
    assert imputed.tolist() == [[2, 0], [6, 1], [6, 1], [8, 0], [6, 0]]
    standard = applied(df, fit_preprocessing(df, dataset(df), standardise=True))
    known = np.array([2, 8, 6.0])
    assert np.allclose(standard[[0, 3, 4], 0], (known - known.mean()) / known.std(), rtol=1e-14)
    assert np.isnan(standard[[1, 2], 0]).all()


def test_a_tree_gets_numbers_as_they_are_and_nan_where_they_are_missing(spark: SparkSession) -> None:
    df = numbers(spark)
    fitted = fit_preprocessing(df, dataset(df))
    expected = [[1, 2, 1], [2, NAN, 0], [3, NAN, NAN], [4, 8, 1], [10, 6, 1]]
    assert np.array_equal(applied(df, fitted), np.array(expected), equal_nan=True)


def test_levels_are_the_most_frequent_ties_by_name_and_others_are_rare(spark: SparkSession) -> None:
    levels = ["b"] * 3 + ["d"] * 2 + ["c"] * 2 + ["a"] + [None]
    df = spark.createDataFrame([(v, 0) for v in levels], "k string, y int")
    fitted = fit_preprocessing(df, dataset(df, "k"), max_levels=2)
    assert fitted.names == ["k=b", "k=c", "k is rare", "k is missing"]
    seen = spark.createDataFrame([("b",), ("d",), ("never seen",), (None,), ("c",)], "k string")
    assert applied(seen, fitted).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]
    whole = fit_preprocessing(df, dataset(df, "k"))
    assert whole.names == ["k=b", "k=c", "k=d", "k=a", "k is missing"]
    assert applied(seen, whole)[2].tolist() == [0] * 5


def test_numeric_categories_go_by_their_string_form(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1.0, 0), (2.5, 0), (NAN, 1), (1.0, 1)], "k double, y int")
    fitted = fit_preprocessing(df, dataset(df, "k"))
    assert fitted.names == ["k=1", "k=2.5", "k is missing"]
    as_text = spark.createDataFrame([("1",), ("2.5",)], "k string")
    assert applied(as_text, fitted).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_vectors_and_arrays_are_expanded(spark: SparkSession) -> None:
    rows = [
        (Vectors.dense(1, 2), [3.0, 4.0, 5.0], 0),
        (Vectors.sparse(2, {1: 7.0}), [6.0, None, NAN], 1),
        (None, None, 0),
    ]
    df = _with_vector(spark, rows)
    fitted = fit_preprocessing(df, dataset(df))
    assert fitted.names == ["v[0]", "v[1]", "a[0]", "a[1]", "a[2]"]
    expected = np.array([[1, 2, 3, 4, 5], [0, 7, 6, NAN, NAN], [NAN] * 5])
    assert np.array_equal(applied(df, fitted), expected, equal_nan=True)


def _with_vector(spark: SparkSession, rows: list[Any]) -> DataFrame:
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql import types as T

    schema = T.StructType(
        [
            T.StructField("v", VectorUDT()),
            T.StructField("a", T.ArrayType(T.DoubleType())),
            T.StructField("y", T.IntegerType()),
        ]
    )
    return spark.createDataFrame(rows, schema)


def test_arrays_of_unequal_length_are_refused_at_fit_and_at_scoring(spark: SparkSession) -> None:
    ragged = spark.createDataFrame([([1.0, 2.0], 0), ([1.0], 1)], "a array<double>, y int")
    with pytest.raises(InputError, match="feature 'a' holds from 1 to 2 elements"):
        fit_preprocessing(ragged, dataset(ragged))
    even = ragged.limit(1)
    fitted = fit_preprocessing(even, dataset(even), impute=True, standardise=True)
    with pytest.raises(Exception, match="'a' does not hold the number of elements"):
        applied(ragged, fitted)


@pytest.mark.parametrize("scaled", [True, False])
def test_constant_and_all_null_columns_work(spark: SparkSession, scaled: bool) -> None:
    rows = [(0.1, None, None, None, 0)] * 3 + [(0.1, None, None, None, 1)] * 4
    df = spark.createDataFrame(rows, "constant double, empty double, nothing void, blank string, y int")
    fitted = fit_preprocessing(df, dataset(df, "blank"), impute=scaled, standardise=scaled)
    values = applied(df, fitted)
    assert fitted.names == ["constant", "empty", "nothing", "blank is missing"]
    assert values[0, 3] == 1
    if scaled:
        assert np.abs(values[:, :3]).max() < 1e-12
    else:
        assert np.isnan(values[:, 1:3]).all() and (values[:, 0] == 0.1).all()


def test_infinite_values_are_named_and_counted(spark: SparkSession) -> None:
    inf = float("inf")
    df = spark.createDataFrame([(inf, 1.0, 0), (-inf, inf, 1), (1.0, 1e300, 1)], "a double, b double, y int")
    with pytest.raises(InputError, match=r"'a' \(2 rows, up to inf in size\), 'b' \(2 rows"):
        fit_preprocessing(df, dataset(df), impute=True, standardise=True)
    largest = spark.createDataFrame([(2e38, 3e74, 0), (0.0, 0.0, 1)], "a double, b double, y int")
    with pytest.raises(InputError, match=r"±1e\+38: 'a' \(1 rows, up to 2e\+38 in size\), 'b'"):
        fit_preprocessing(largest, dataset(largest), limit=LIMITS["float32"])  # XGBoost computes in single precision
    scaled = fit_preprocessing(largest, dataset(largest), impute=True, standardise=True)
    assert np.isfinite(applied(largest, scaled)).all()


def test_infinite_values_at_scoring_are_named(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1.0, 0), (2.0, 1)], "`an odd.name` double, y int")
    fitted = fit_preprocessing(df, dataset(df), impute=True, standardise=True)
    later = spark.createDataFrame([(float("inf"),)], "`an odd.name` double")
    with pytest.raises(Exception, match="feature 'an odd.name' holds an infinite value or one beyond ±1e.75"):
        applied(later, fitted)


def test_a_huge_value_is_named_among_missing_ones_also_where_a_model_skips_its_feature(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    df = spark.createDataFrame([(1.0, 2.0, [1.0, 2.0], 0)], "a double, b float, v array<double>, y int")
    fitted = fit_preprocessing(df, dataset(df))
    row = [(NAN, None, [NAN, float("-inf")])]
    later = spark.createDataFrame(row, "a double, b float, v array<double>")
    assert np.isnan(applied(later.withColumn("v", F.lit(None).cast("array<double>")), fitted)).all()
    with pytest.raises(Exception, match=r"feature 'v\[1\]' holds an infinite value or one beyond ±1e.75"):
        later.select(fitted.columns(later)[0]).collect()
    monkeypatch.setattr(_preprocessing, "MANY", 0)
    with pytest.raises(Exception, match=r"feature 'v\[1\]' holds an infinite value or one beyond ±1e.75"):
        later.select(fitted.array(later)).collect()


def test_thousands_of_features_are_few_nodes_each(spark: SparkSession) -> None:
    """What Spark takes to analyse and compile 2,000 features grows with their nodes."""
    df = spark.createDataFrame([(1.0, 2.0, 0)], "first double, second double, y int")
    for settings in ({}, {"impute": True, "standardise": True}):
        check, second = fit_preprocessing(df, dataset(df), **settings).columns(df)
        assert str(second).count("CAST(second") == 1
        assert str(check).count("CAST(second") == 2  # the condition, and the message where it holds


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (
            "timestamp",
            dt.datetime(2026, 1, 1),
            "feature 'x' is of type timestamp: a time is not a feature; derive numbers",
        ),
        ("date", dt.date(2026, 1, 1), "or leave it out (data.exclude; in code"),
        ("string", "a", "feature 'x' is of type string: make it a category (data.categorical"),
        ("map<string,int>", {"a": 1}, "cannot be a feature"),
        ("array<string>", ["a"], "cannot be a feature"),
    ],
)
def test_types_that_are_no_feature(spark: SparkSession, kind: str, value: object, message: str) -> None:
    df = spark.createDataFrame([(value, 0)], f"x {kind}, y int")
    with pytest.raises(InputError) as caught:
        fit_preprocessing(df, dataset(df), impute=True, standardise=True)
    assert message in str(caught.value)


def test_a_table_that_lost_a_feature_or_changed_its_type(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1.0, "a", 0), (2.0, "b", 1)], "amount double, kind string, y int")
    fitted = fit_preprocessing(df, dataset(df, "kind"), impute=True, standardise=True)
    with pytest.raises(InputError, match="feature 'amount' is not in the table. Did you mean 'amout'"):
        fitted.columns(df.withColumnRenamed("amount", "amout"))
    with pytest.raises(InputError, match="'amount' was fitted as number, but is string"):
        fitted.columns(df.withColumn("amount", F.lit("much")))
    with pytest.raises(InputError, match="'kind' was fitted as category, but is boolean"):
        fitted.columns(df.withColumn("kind", F.lit(True)))
    with pytest.raises(InputError, match="'amount' was fitted as number, but is array"):
        fitted.columns(df.withColumn("amount", F.array(F.lit(1.0))))
    widened = df.select(F.col("amount").cast("decimal(10,2)"), "kind")
    assert np.array_equal(applied(widened, fitted), applied(df, fitted))


def test_no_feature_at_all(spark: SparkSession) -> None:
    df = spark.createDataFrame([(0,)], "y int")
    with pytest.raises(InputError, match="no feature"):
        fit_preprocessing(df, dataset(df), impute=True, standardise=True)


def wide(spark: SparkSession, n: int = 1500) -> DataFrame:
    u = F.xxhash64("id") / F.lit(2.0**40)
    return spark.range(n).select(
        "id",
        F.sin(u).alias("a"),
        F.when(F.col("id") % 7 > 0, F.exp(F.cos(u) * 3)).alias("b"),
        F.concat(F.lit("k"), (F.col("id") % 11).cast("string")).alias("k"),
        (F.col("id") % 5 == 0).cast("int").alias("y"),
    )


def test_the_same_fit_from_any_partitioning_also_of_a_sample(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sample, "_ROWS", 1000)
    df = wide(spark)
    given = Dataset("y", ("a", "b", "k"), ("k",), key=("id",), classes=("0", "1"))
    documents = [
        json.dumps(fit_preprocessing(each, given, impute=True, standardise=True).to_json())
        for each in (df.repartition(1), df.repartition(7), df.repartition(50, "a"), df.orderBy(F.col("id").desc()))
    ]
    assert len(set(documents)) == 1
    rebuilt = Preprocessing.from_json(json.loads(documents[0]))
    assert rebuilt == fit_preprocessing(df, given, impute=True, standardise=True)


def test_a_sample_is_bounded_and_exact_also_among_equal_rows(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sample, "_ROWS", 1000)
    equal = spark.range(1800).select(F.lit(2.0).alias("a"))
    sample = hash_sample(equal, ["a"], F.array("a"), 1, rows=1800, seed=0, purpose="x")
    assert sample.shape == (1000, 1) and math.isclose(sample.mean(), 2.0)

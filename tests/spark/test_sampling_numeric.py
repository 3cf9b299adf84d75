"""Spread of features, interpolation with types, numeric checks."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F
from sklearn.preprocessing import StandardScaler

from steelyard.errors import InputError
from steelyard.over_sampling.parents import between
from steelyard.sampling.features import Features, numbers_of
from steelyard.sampling.statistics import feature_scale, spread
from steelyard.sampling.survey import survey

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_standard_is_scikit_learns_and_a_constant_is_left_alone() -> None:
    rows = np.random.default_rng(0).normal([1e6, 0, 3], [1, 5, 0], (400, 3))
    found = spread(rows, np.ones(400, dtype=np.int64), "standard")
    np.testing.assert_allclose(found[:2], StandardScaler().fit(rows).scale_[:2], rtol=1e-9)
    assert found[2] == 1.0


def test_robust_is_the_interquartile_range() -> None:
    rows = np.arange(101, dtype=float)[:, None]
    assert spread(rows, np.ones(101, dtype=np.int64), "robust").tolist() == [50.0]
    assert spread(np.array([[1.0], [2.0], [1e9]]), np.array([98, 1, 1]), "robust").tolist() == [1.0]


def test_rows_that_repeat_count_as_often() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    counts = np.arange(50) % 3 + 1
    for how in ("standard", "robust"):
        listed = spread(np.repeat(rows, counts, axis=0), np.ones(counts.sum(), dtype=np.int64), how)
        np.testing.assert_allclose(spread(rows, counts, how), listed, rtol=1e-12)


def test_the_sample_is_the_same_in_any_partitioning(spark: SparkSession) -> None:
    df = spark.range(40_000).select("id", (F.hash("id") % 1000 / 7).alias("a"), (F.col("id") % 5).alias("b"))
    found = [
        feature_scale(d, ["id"], Features(("a", "b")), {"a": 1, "b": 1}, "standard", 40_000)
        for d in (df.repartition(7), df.coalesce(1))
    ]
    assert found[0] == found[1]
    values = np.array(df.select("a", "b").toPandas(), dtype=float)
    np.testing.assert_allclose(found[0], values.std(axis=0), rtol=0.05)


@pytest.mark.parametrize(
    ("kind", "a", "b", "gap", "expected"),
    [
        ("double", 1.0, 2.0, 0.25, 1.25),
        ("double", 1e308, -1e308, 0.5, -1e308),
        ("float", 0.1, 0.3, 0.5, float(np.float32(0.2))),
        ("int", 1, 4, 0.5, 3),
        ("int", 4, 1, 0.9, 1),
        ("tinyint", -128, 127, 0.99, 124),
        ("bigint", 2**62 + 1, 2**62 + 5, 0.5, 2**62 + 3),
        ("bigint", -(2**63), 2**63 - 1, 0.5, -(2**63)),
        ("decimal(5,2)", Decimal("1.00"), Decimal("1.03"), 0.5, Decimal("1.02")),
        ("decimal(38,0)", Decimal(10**38 - 1), Decimal(10**38 - 1), 0.5, Decimal(10**38 - 1)),
        ("array<double>", [0.0, 1.0], [1.0, 1.0], 0.5, [0.5, 1.0]),
        ("array<int>", [0, 10], [3, 10], 0.5, [2, 10]),
    ],
)  # fmt: skip
def test_interpolation_keeps_types_and_bounds(
    spark: SparkSession, kind: str, a: Any, b: Any, gap: float, expected: Any
) -> None:
    df = spark.createDataFrame([(a, b, gap)], f"a {kind}, b {kind}, gap double")
    value = between(df.schema["a"].dataType, "a", "b", "gap")
    result = df.select(value.alias("v"))
    assert result.dtypes[0][1] == kind
    found = result.first()["v"]  # type: ignore[index]
    assert found == expected or (isinstance(found, int) and min(a, b) <= found <= max(a, b) and kind != "int")


def test_plain_columns_arrays_and_vectors_become_one_matrix(spark: SparkSession) -> None:
    from pyspark.ml.functions import array_to_vector

    df = spark.createDataFrame(
        [(1, [2.0, 3.0], Decimal("4.5"), [5.0])], "a int, b array<float>, `c.d` decimal(3,1), e array<double>"
    )
    df = df.withColumn("e", array_to_vector(F.col("e")))
    row = df.select(numbers_of(df, ["a", "b", "c.d", "e"]).alias("x")).first()
    assert row is not None and row["x"] == [1.0, 2.0, 3.0, 4.5, 5.0]


def test_a_vector_that_is_not_there_is_a_gap(spark: SparkSession) -> None:
    from pyspark.ml.functions import array_to_vector

    df = spark.createDataFrame([("a", [1.0]), ("b", [float("nan")]), ("b", None)], "label string, x array<double>")
    vectors = df.withColumn("x", F.when(F.col("x").isNotNull(), array_to_vector(F.col("x"))))
    with pytest.raises(InputError, match="missing.*'x' \\(2 rows\\)"):
        survey(vectors, "label", Features(("x",)), "SMOTE", ["a"], 1)


def test_arrays_of_different_lengths_are_refused(spark: SparkSession) -> None:
    df = spark.createDataFrame([("a", [1.0]), ("b", [1.0, 2.0])], "label string, x array<double>")
    with pytest.raises(InputError, match="'x' has arrays of different lengths, up to 2"):
        survey(df, "label", Features(("x",)), "SMOTE", ["a"], 1)
    gap = spark.createDataFrame([("a", [1.0, None]), ("b", [1.0, float("nan")]), ("b", None)], df.schema)
    with pytest.raises(InputError, match="missing.*'x' \\(3 rows\\)"):
        survey(gap, "label", Features(("x",)), "SMOTE", ["a"], 1)

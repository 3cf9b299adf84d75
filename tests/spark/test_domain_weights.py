"""Importance weights of a source by domain classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steelyard.dataset import Dataset
from steelyard.learning import _preprocessing
from steelyard.learning.domain import fit_domain_classifier

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_many_features_give_the_weights_of_their_columns(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ["id", "id % 4 = 0 as y", "cast(id * 7 % 31 as double) as a", "id * 3 % 17 as b"]
    target = spark.range(240).selectExpr(*columns)
    source = spark.range(240).selectExpr(*columns).selectExpr("id", "y", "a + 5.0 as a", "b")
    data = Dataset("y", ("a", "b"), key=("id",), content=("id", "a", "b"), classes=("false", "true"))
    counts = {"false": 180, "true": 60}

    def weights() -> list[Any]:
        found = fit_domain_classifier(target, source, data, counts, counts)
        return source.select("id", found.weights(source, 10.0).alias("weight")).orderBy("id").collect()

    one_by_one = weights()
    assert len({row["weight"] for row in one_by_one}) > 10
    monkeypatch.setattr(_preprocessing, "MANY", 0)
    assert weights() == one_by_one, "features as one array"

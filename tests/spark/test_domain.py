"""Domains of features in Spark: refusals by the table's columns, and missing values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from steelyard.dataset import Dataset
from steelyard.domain import domain_of
from steelyard.errors import InputError
from steelyard.learning import get_trainer
from steelyard.over_sampling import SMOTE, SMOTEN, RandomOverSampler
from steelyard.sampling.domain import check_domain, within_domain

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = "label string, a double, b int, sex string, list array<double>"


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ({"c": {"min": 0}}, "'c', which is not a feature"),
        ({"label": {"min": 0}}, "'label', which is not a feature"),
        ({"sex": {"min": 0}}, "sex.min is for numbers, and 'sex' is string"),
        ({"sex": {"monotone": 1}}, "sex.monotone is for numbers"),
        ({"list": {"integer": True}}, "list.integer is for numbers"),
        ({"list": {"derived": "list"}}, "list.derived: 'list' is array<double>"),
        ({"a": {"derived": "label"}}, "a.derived: Spark cannot evaluate 'label'"),
        ({"a": {"derived": "b +"}}, "a.derived: Spark cannot evaluate"),
        ({"a": {"derived": "sum(b)"}}, "a.derived: Spark cannot evaluate"),
        ({"a": {"derived": "b"}, "b": {"derived": "a"}}, "a.derived: Spark cannot evaluate 'b'"),
        ({"b": {"derived": "list"}}, "b.derived: Spark cannot evaluate 'list'"),
    ],
)
def test_refusals(domain: dict[str, Any], words: str, spark: SparkSession) -> None:
    df = spark.createDataFrame([], SCHEMA)
    with pytest.raises(InputError, match=words):
        check_domain(df, domain_of(domain), ["a", "b", "sex", "list"])


def test_missing_values_and_types(spark: SparkSession) -> None:
    rows = [(float("nan"), None, None), (9.5, 9, "1.25"), (-9.5, -9, "-1.25"), (float("inf"), 3, None)]
    df = spark.createDataFrame(rows, "a double, b int, c string").withColumn("c", F.col("c").cast("decimal(5,2)"))
    domain = domain_of(
        {
            "a": {"min": -2.5, "max": 4.5, "integer": True},
            "b": {"min": 0.5, "max": 1e12},
            "c": {"integer": True, "max": 0.5},
        }
    )
    made = within_domain(df, domain)
    assert made.dtypes == df.dtypes
    cents = within_domain(df, domain_of({"c": {"min": -0.015, "max": 0.015}})).where("c is not null").orderBy("c")
    assert [str(row.c) for row in cents.collect()] == ["-0.01", "0.01"], "inside, not rounded to 0.02"
    found = [(str(r.a), r.b, None if r.c is None else str(r.c)) for r in made.collect()]
    assert found == [("nan", None, None), ("4.0", 9, "0.00"), ("-2.0", 1, "-1.00"), ("4.0", 3, None)]


def test_seeds_of_vectors_and_jittered_rows(spark: SparkSession) -> None:
    rows = [(f"c{i % 5 == 0}", float(i), [float(i), i * i / 2]) for i in range(60)]
    df = spark.createDataFrame(rows, "label string, a double, list array<double>")
    vectors = df.withColumn("list", array_to_vector("list"))
    domain = {"list": {"immutable": True}, "a": {"max": 20}}
    for table in (df, vectors):
        made = SMOTE().within(domain).fit_resample(table).where("is_synthetic").collect()
        assert len(made) == 36
        assert {tuple(r.list) for r in made} == {tuple(r[2]) for r in rows if r[0] == "cTrue"}
        assert max(r.a for r in made) == 20
    made = RandomOverSampler(shrinkage=2.0).within(domain).fit_resample(df).where("is_synthetic").collect()
    assert {tuple(r.list) for r in made} == {tuple(r[2]) for r in rows if r[0] == "cTrue"}
    assert max(r.a for r in made) == 20


def test_bounds_of_categories(spark: SparkSession) -> None:
    df = spark.createDataFrame([("x", 1, "m"), ("y", 2, "f")], "label string, b int, sex string")
    with pytest.raises(InputError, match=r"domain\.b\.min is for numbers, and 'b' is a category"):
        SMOTEN().within({"b": {"min": 0}}).check_columns(df)


def test_monotone_scores(spark: SparkSession) -> None:
    """Positives are in the middle of `a`; a score that may only rise with it does not fall behind the middle."""
    df = spark.range(400).selectExpr("id", "id % 20 as a", "id % 7 as b", "cast(id % 20 between 5 and 12 as int) as y")
    free = Dataset("y", ("a", "b"), key=("id",), content=("id", "a", "b"), positive="1", classes=("0", "1"))
    trainer = get_trainer("xgboost", {"n_estimators": 20, "early_stopping_rounds": None}, num_workers=1)
    falls = {}
    for direction in (None, 1, -1):
        known = {} if direction is None else domain_of({"a": {"monotone": direction}})
        model = trainer.fit(df, df, replace(free, domain=known), original_train=df)
        rows = model.predict(df.where("b = 3"), "p").orderBy("a").select("a", "p").collect()
        steps = np.diff([r["p"][1] for r in rows])
        falls[direction] = bool((steps < -1e-6).any()), bool((steps > 1e-6).any())
    assert falls == {None: (True, True), 1: (False, True), -1: (True, False)}
    with pytest.raises(InputError, match=r"'c', which is not a feature"):
        trainer.fit(df, df, replace(free, domain=domain_of({"c": {"monotone": 1}})), original_train=df)
    with pytest.raises(InputError, match="start may have been trained without"):
        trainer.fit(df, df, replace(free, domain=known), original_train=df, start=model)

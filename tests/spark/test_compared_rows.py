"""The rows of a comparison: folds follow the split method, and thinned rows are nested and weighted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from small_pipelines import small_table

from steelyard.comparing import PLAIN, Candidate, Folds, compare
from steelyard.comparing._rows import in_folds, preprocessing
from steelyard.comparing._table import SIDES
from steelyard.config import Recipe
from steelyard.dataset import Dataset
from steelyard.errors import InputError

COUNTS = {"0": 1080, "1": 120}
FEATURES = ("a", "b")


@pytest.fixture(scope="module")
def df(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(small_table()[["customer", "t", "a", "b", "y"]]).cache()


def data(**roles: Any) -> Dataset:
    """Roles of a table without a key."""
    return Dataset("y", FEATURES, classes=("0", "1"), positive="1", content=("customer", "t", *FEATURES), **roles)


def sides(df: DataFrame, folds: Folds, **roles: Any) -> pd.DataFrame:
    """Return task, side and order of the rows; the last ones in this order are held out."""
    dataset = data(**roles)
    plan = folds.plan(df, dataset, COUNTS)
    rows = in_folds(df, dataset, preprocessing(df, dataset), plan, folds).select(*SIDES, "order").toPandas()
    found = list[pd.DataFrame]()
    for task in range(folds.folds):
        train, test = (rows[name].to_numpy(np.int64) >> task & 1 > 0 for name in SIDES)
        assert not (train & test).any()
        side = pd.DataFrame({"task": task, "test": test, "order": rows["order"]})
        found.append(side.loc[train | test])
    return pd.concat(found)


def test_groups_are_whole_and_so_are_those_that_are_held_out(df: DataFrame) -> None:
    found = sides(df, Folds("group"), group="customer")
    # The order of a grouped comparison is a hash of the group: rows of one group have one place.
    assert found["order"].nunique() == df.select("customer").distinct().count()
    for _, task in found.groupby("task"):
        assert not set(task.loc[task["test"], "order"]) & set(task.loc[~task["test"], "order"])
    assert found["test"].sum() == df.count(), "each row is tested once"


def test_models_are_trained_on_earlier_rows(df: DataFrame) -> None:
    found = sides(df, Folds("temporal"), time="t")
    tasks = [of for _, of in found.groupby("task")]
    assert len(tasks) == 3
    for of in tasks:
        assert of.loc[~of["test"], "order"].max() < of.loc[of["test"], "order"].min()
    trained = [(~of["test"]).sum() for of in tasks]
    assert trained == sorted(trained) and trained[0] < trained[-1]


def test_an_infinite_value_is_refused_by_name(df: DataFrame) -> None:
    """No scan looks for it: packing the rows fails."""
    infinite = df.withColumn("a", F.when(F.col("customer").isNotNull(), F.lit(float("-inf"))))
    plain = [Candidate(PLAIN, Recipe())]
    with pytest.raises(InputError, match="feature 'a' holds an infinite value"):
        compare(infinite, data(), COUNTS, plain, folds=Folds(folds=2))


def test_thinned_rows_stand_for_all_without_a_key(df: DataFrame) -> None:
    """Fewer rows give nearly the same values, and the facts say how many were taken."""
    plain = [Candidate(PLAIN, Recipe.of({"train": {"params": {"n_estimators": 10}}}))]
    whole, few = (
        compare(df, data(group="customer"), COUNTS, plain, folds=Folds("group", 2), max_rows=most)
        for most in (1_000_000, 200)
    )
    assert whole.facts["taken"] == COUNTS and few.facts["taken"] == {"1": 120, "0": 280}
    losses = [of.candidates[0]["log_loss"]["value"] for of in (whole, few)]
    assert losses[1] == pytest.approx(losses[0], rel=0.25), "rows that were drawn are weighted back"

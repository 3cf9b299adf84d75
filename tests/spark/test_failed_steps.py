"""A Spark action that fails, whichever it is: the message names the step of steelyard that called it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from steelyard.dataset import Dataset
from steelyard.errors import EngineError, translated
from steelyard.learning import get_trainer
from steelyard.over_sampling import SMOTE
from steelyard.splitting import stratified_split, temporal_split

DATA = Dataset("y", ("x",), key=("id",), time="t", positive="b", classes=("a", "b"))
COUNTS = {"a": 90, "b": 10}


def broken_rows(spark: SparkSession) -> DataFrame:
    """Rows that raise an error in Python when an action reads them."""

    def fail(batches: Any) -> Any:
        raise ZeroDivisionError("no such number")

    df = spark.range(100).selectExpr("id", "id * 0.5 as x", "timestamp_seconds(id) as t", "'a' as y")
    return df.mapInArrow(fail, df.schema)


def test_the_step_whose_action_fails_is_named(spark: SparkSession) -> None:
    df, shares = broken_rows(spark), {"validation": 0.2, "test": 0.2}
    sampler = SMOTE(label_col="y", key_col="id", features_col=["x"])
    trainer = get_trainer("xgboost", {"n_estimators": 2})
    steps: dict[str, Callable[[], Any]] = {
        "hashing.first_look": lambda: stratified_split(df, DATA, COUNTS, **shares),
        "splitting.checked_time": lambda: temporal_split(df, DATA, COUNTS, **shares),
        "stats.class_counts": lambda: sampler.fit_resample(df),
        "learning._class_totals": lambda: trainer.fit(df, df, DATA, original_train=df),
    }
    for step, run in steps.items():
        with pytest.raises(Exception) as caught:
            run()
        known = translated(caught.value, "stage s")
        assert isinstance(known, EngineError)
        said = f"stage s failed in steelyard.{step}: PythonException: ZeroDivisionError: no such number"
        assert str(known) == said

"""Errors of samplers that are called like imbalanced-learn, or like an estimator."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame


def check_table(method: str, sampler: Any, df: Any, y: Any = None) -> None:
    """Raise `TypeError` for anything but one Spark DataFrame, and say how the method is called."""
    if y is None and isinstance(df, DataFrame):
        return
    name = type(sampler).__name__
    got = f"{type(df).__name__}{'' if y is None else f' and {type(y).__name__}'}"
    pandas = type(df).__module__.partition(".")[0] == "pandas"
    ways = "spark.createDataFrame(table) makes one of a pandas table" if pandas else "for arrays, use imbalanced-learn"
    raise TypeError(
        f"{method} takes one Spark DataFrame that holds features and label, and got {got}: "
        f'{name}(label_col="y").{method}(df); {ways}.'
    )

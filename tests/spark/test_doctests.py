"""Every example in a docstring runs and gives what stands there."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
from modules import module_names, torch_modules
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.dataset import Dataset

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples() -> Iterator[doctest.DocTest]:
    """Return the docstrings that have examples."""
    without = [] if importlib.util.find_spec("torch") else torch_modules()
    for name in module_names():
        if name in without:
            continue
        module = importlib.import_module(name)
        yield from (t for t in doctest.DocTestFinder(exclude_empty=True).find(module) if t.examples)


@pytest.fixture(scope="module")
def names(spark: SparkSession) -> dict[str, Any]:
    """What examples speak of without making it: a table with 10 frauds in 1,000 rows, near to each other."""
    fraud = F.col("id") % 100 == 7

    def share(of: int) -> Column:
        drawn = F.pmod(F.xxhash64("id", F.lit(of)), F.lit(1000)) / 1000
        return F.when(fraud, 0.9 + drawn / 10).otherwise(drawn)

    df: DataFrame = spark.range(1000).select(
        fraud.cast("int").alias("is_fraud"),
        share(0).alias("x"),
        share(1).alias("amount"),
        (F.shiftright("id", 2) / 1000).alias("customer"),
    )
    df = df.persist()
    dataset = Dataset(
        "is_fraud", ("x", "amount"), content=("x", "amount", "customer"), classes=("0", "1"), positive="1"
    )
    return {"spark": spark, "df": df, "dataset": dataset, "F": F}


@pytest.mark.parametrize("example", [pytest.param(e, id=e.name) for e in examples()])
def test_examples(example: doctest.DocTest, names: dict[str, Any]) -> None:
    example.globs = {**names, **example.globs}
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(example, out=said.append)
    assert result.failed == 0, "".join(said)

"""Sound tables of each checkpoint, and suites of a test's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guard_cases import SECRET
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    """Sound tables for each checkpoint: 100 rows of class n and 20 of class p, 70/10/20 of each."""
    raw = spark.range(120).select(
        "id",
        F.when(F.col("id") < 100, "n").otherwise("p").alias("y"),
        F.col("id").cast("double").alias("x"),
        F.when(F.col("id") == 50, F.lit(SECRET)).otherwise(F.col("id") * 2.5).alias("amount"),
        F.concat(F.lit("c"), "id").alias("customer"),
        F.when(F.col("id") % 2 == 0, "web").otherwise("shop").alias("kind"),
    )
    place = F.when(F.col("id") >= 100, (F.col("id") - 100) * 5).otherwise(F.col("id"))
    split = F.when(place < 70, "train").when(place < 80, "validation").otherwise("test")
    month = F.when(place < 70, "01").when(place < 80, "02").otherwise("03")
    at = F.concat(F.lit("2026-"), month, F.lit("-01 00:00:00")).cast("timestamp")
    divided = raw.select("*", split.alias("split"), at.alias("at"))
    copies = F.explode(F.array(*(F.lit(1000 * i) for i in range(1, 5)))).alias("copy")
    made = divided.where("y = 'p' and split = 'train'").select("*", copies)
    made = made.select(
        (F.col("id") - 100 + F.col("copy")).alias("id"),
        *(F.col(c) for c in divided.columns if c not in ("id", "amount")),
        (F.col("amount") + (266 - F.col("amount")) * F.col("copy") / 10_000).alias("amount"),
        F.lit(True).alias("is_synthetic"),
    )
    scores = F.when(F.col("y") == "p", F.lit(0.75)).otherwise(F.col("id") / 1000)
    return {
        "raw": raw,
        "split": divided,
        "resampled": divided.withColumn("is_synthetic", F.lit(False)).unionByName(made),
        "scored": divided.select("id", "y", "split", scores.alias("score"), F.col("y").alias("decision")),
    }


@pytest.fixture
def own_suite(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a suite and gives its path."""

    def write(*expectations: dict[str, Any], **rest: Any) -> str:
        path = tmp_path / "own.json"
        path.write_text(json.dumps({"name": "own", "expectations": list(expectations), **rest}), encoding="utf-8")
        return str(path)

    return write

"""Make the archive of Spark's classes that tests start Java with (make .venv/classes.jsa)."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from pathlib import Path

from java_options import ARCHIVE, QUICK
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession
from session_settings import SETTINGS

from steelyard.over_sampling import SMOTE
from steelyard.testing import SAMPLER_CHECKS
from steelyard.testing._tables import sample_table


def make(at: Path) -> None:
    """Do what most tests do in a JVM that leaves the classes it has loaded."""
    new = at.with_suffix(".new")
    os.environ["SPARK_SUBMIT_OPTS"] = f"{QUICK} {shlex.quote(f'-XX:ArchiveClassesAtExit={new}')} -Xlog:cds*=off"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = SparkSession.builder.master("local[2]").config(map=SETTINGS).getOrCreate()
    use(spark)
    gateway = spark.sparkContext._gateway
    assert gateway is not None, "a classic session has a JVM"
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(120)
    new.rename(at)  # a Java that cannot do it has left no file


def use(spark: SparkSession) -> None:
    """Resample, write, read, and train."""
    SAMPLER_CHECKS["exact_counts"](SMOTE, spark)
    with tempfile.TemporaryDirectory() as folder:
        sample_table(spark).write.partitionBy("label").parquet(f"{folder}/table")
        read = spark.read.parquet(f"{folder}/table").selectExpr("x", "y", "int(label = 'a') as label")
        features = VectorAssembler(inputCols=["x", "y"], outputCol="features").transform(read)
        LogisticRegression(maxIter=2).fit(features)


if __name__ == "__main__":
    make(ARCHIVE)

"""What finding the types of CSV columns takes, compared with `inferSchema` of Spark's reader.

    PYTHONPATH=pipelines python benchmarks/csv_types.py

One file of 400,000 rows, about 60 MB: identifiers, numbers, texts, dates, times, missing markers. Both read it whole;
steelyard also detects separator, encoding and quotes, and counts values that do not fit. Medians of three, alternating
in one session, after one warm-up each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from steelyard.frames.reading._csv_layout import detect_csv
from steelyard.frames.reading._files import list_files
from steelyard.frames.reading._source import Source

NUMBERS = 6


def table(rows: int) -> pd.DataFrame:
    """Return made columns of texts."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": [f"{i:010d}" for i in range(rows)], "key": rng.integers(0, 10**12, rows)})
    for i in range(NUMBERS):
        numbers = pd.Series(rng.normal(size=rows) * 10**i).map("{:.6f}".format)
        frame[f"x{i}"] = numbers.mask(rng.random(rows) < 0.05, pd.Series(rng.choice(["", "NA", "?"], rows)))
    frame["day"] = (np.datetime64("2020-01-01") + rng.integers(0, 2000, rows)).astype(str)
    times = np.datetime64("2020-01-01T00:00:00") + rng.integers(0, 10**8, rows)
    frame["at"] = np.char.replace(times.astype(str), "T", " ")
    frame["place"] = rng.choice(["north, store", "south", "web", "east"], rows)
    frame["note"] = pd.Series(rng.integers(0, 10**7, rows)).map("note of customer {}".format)
    frame["flag"] = rng.choice(["true", "false"], rows)
    frame["y"] = (rng.random(rows) < 0.02).astype(int)
    return frame


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    rows = parser.parse_args().rows
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        table(rows).to_csv(path, index=False)
        source = Source(paths=(str(path),))

        def ours() -> object:
            return detect_csv(spark, source, list_files(spark, source), {})

        def theirs() -> object:
            return spark.read.csv(str(path), header=True, inferSchema=True)

        taken = [(seconds(ours), seconds(theirs)) for _ in range(4)][1:]
        size = path.stat().st_size / 1e6
    spark.stop()
    mine, spark_s = (statistics.median(column) for column in zip(*taken, strict=True))
    print("| rows | MB | steelyard, s | inferSchema, s | ratio |\n| --- | --- | --- | --- | --- |")
    print(f"| {rows:,} | {size:.0f} | {mine:.2f} | {spark_s:.2f} | {mine / spark_s:.2f} |")


if __name__ == "__main__":
    main()

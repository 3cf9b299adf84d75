"""SMOTE on Spark beside imbalanced-learn's, in one run: seconds, ratio, and the same neighbours.

    python benchmarks/smote.py --rows 50000 --features 30 --repeats 3

Data are clustered as real tables are (12 latent dimensions, 20 groups); the minority is doubled. Both read the same
Parquet file and write their result to Parquet; imbalanced-learn searches with all cores that Spark has.
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
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession


def clustered(n: int, d: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return rows around 20 centres of a 12-dimensional plane in d dimensions."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 4, (20, 12))
    latent = centres[rng.integers(0, 20, n)] + rng.normal(size=(n, 12))
    return np.asarray(latent @ rng.normal(size=(12, d)) + 0.1 * rng.normal(size=(n, d)))


def table(n: int, d: int) -> pd.DataFrame:
    """Return n minority rows and 2 n others, with a key."""
    rows = pd.DataFrame(clustered(3 * n, d), columns=[f"f{i}" for i in range(d)])
    return rows.assign(id=np.arange(3 * n), label=(np.arange(3 * n) < n).astype(int))


def by_imblearn(source: Path, target: Path, n: int, cores: int) -> None:
    """Double the minority in this process."""
    from imblearn.over_sampling import SMOTE
    from sklearn.neighbors import NearestNeighbors

    df = pd.read_parquet(source)
    y = df.pop("label")
    smote = SMOTE(
        sampling_strategy={1: 2 * n}, random_state=0, k_neighbors=NearestNeighbors(n_neighbors=6, n_jobs=cores)
    )
    x_new, y_new = smote.fit_resample(df.drop(columns="id"), y)
    x_new.assign(label=y_new).to_parquet(target)


def by_steelyard(spark: SparkSession, source: Path, target: Path, n: int) -> None:
    """Double the minority on Spark."""
    from steelyard.over_sampling import SMOTE

    sampler = SMOTE(sampling_strategy={1: 2 * n}, key_col="id")
    sampler.fit_resample(spark.read.parquet(str(source))).write.mode("overwrite").parquet(str(target))


def seconds(run: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="minority rows")
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = (
        SparkSession.builder.master(f"local[{options.cores}]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "table.parquet"
        table(options.rows, options.features).to_parquet(source)
        by_steelyard(spark, source, Path(folder) / "warm", options.rows)
        ours, theirs = [], []
        for i in range(options.repeats):
            theirs.append(
                seconds(lambda i=i: by_imblearn(source, Path(folder) / f"i{i}.parquet", options.rows, options.cores))
            )  # type: ignore[misc]
            ours.append(seconds(lambda i=i: by_steelyard(spark, source, Path(folder) / f"s{i}", options.rows)))  # type: ignore[misc]
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"SMOTE, {options.rows:,} minority rows × {options.features} features, doubled; median of {options.repeats}")
    print(f"steelyard {a:.2f} s, imbalanced-learn {b:.2f} s: ratio {a / b:.2f}")
    spark.stop()


if __name__ == "__main__":
    main()

"""Samplers on Spark beside imbalanced-learn's, in one run: seconds, ratios, recall of neighbours, memory of workers.

    python benchmarks/samplers.py smote --rows 200000 --features 30 --repeats 3
    python benchmarks/samplers.py smote --rows 200000 --shape gaussian
    python benchmarks/samplers.py smote --rows 800000 --alone
    python benchmarks/samplers.py smotenc --table adult.parquet
    python benchmarks/samplers.py cleaning --rows 20000 50000 1000000 --theirs-up-to 50000

"clustered" rows lie as real tables do (12 latent dimensions, 20 groups), "gaussian" rows have no structure at all. The
minority is doubled. Both sides read the same Parquet file and write their result to Parquet; imbalanced-learn searches
with as many processes as Spark has cores. Runs alternate; medians are told.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

Rows = np.ndarray[Any, np.dtype[np.float64]]


def clustered(n: int, d: int, seed: int = 0) -> Rows:
    """Return rows around 20 centres of a 12-dimensional plane in d dimensions."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 4, (20, 12))
    latent = centres[rng.integers(0, 20, n)] + rng.normal(size=(n, 12))
    return np.asarray(latent @ rng.normal(size=(12, d)) + 0.1 * rng.normal(size=(n, d)))


def gaussian(n: int, d: int, seed: int = 0) -> Rows:
    """Return independent normal numbers."""
    return np.random.default_rng(seed).normal(size=(n, d))


def doubled(n: int, d: int, shape: str) -> pd.DataFrame:
    """Return n minority rows and 2 n others in random order, with a key."""
    rows = pd.DataFrame({"clustered": clustered, "gaussian": gaussian}[shape](3 * n, d))
    label = np.random.default_rng(1).permutation(3 * n) < n
    return rows.set_axis([f"f{i}" for i in range(d)], axis=1).assign(id=np.arange(3 * n), label=label.astype(int))


def written(df: pd.DataFrame, path: Path) -> Path:
    """Write a table in row groups that two cores can share."""
    df.to_parquet(path, row_group_size=1 << 16)
    return path


class Memory:
    """The largest resident memory of Spark's Python workers while a block runs, and this process's growth, in MiB."""

    def __enter__(self) -> Memory:
        self.peak, self.before, self.over = 0.0, resident(Path("/proc/self")), threading.Event()
        self.driver = self.before
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watcher.join()

    def _watch(self) -> None:
        while not self.over.wait(0.2):
            self.driver = max(self.driver, resident(Path("/proc/self")))
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if b"pyspark.daemon" in (process / "cmdline").read_bytes():
                        self.peak = max(self.peak, resident(process))
                except (OSError, KeyError, ValueError):
                    continue

    def __str__(self) -> str:
        return f"workers {self.peak:.0f} MiB, driver's Python + {self.driver - self.before:.0f} MiB"


def resident(process: Path) -> float:
    """Return a process's resident memory in MiB."""
    said = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
    return int(said["VmRSS"].split()[0]) / 1024


def seconds(run: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compared(ours: Callable[[], object], theirs: Callable[[], object] | None, repeats: int) -> tuple[float, float]:
    """Return the median seconds of both, run in turns; of several runs, ours follow one that isn't counted.

    Spark stops Python workers that are idle for a minute: after a long run of theirs, ours would start them anew.
    """
    a: list[float] = []
    b: list[float] = []
    for _ in range(repeats):
        if theirs is not None:
            b.append(seconds(theirs))
        if repeats > 1 and (theirs is not None or not a):
            ours()
        a.append(seconds(ours))
    return statistics.median(a), statistics.median(b) if b else float("nan")


def on_spark(spark: SparkSession, sampler: Any, source: Path) -> Callable[[], None]:
    """Return what resamples a Parquet file into another."""

    def run() -> None:
        sampler.fit_resample(spark.read.parquet(str(source))).write.mode("overwrite").parquet(f"{source}.ours")

    return run


def in_process(sampler: Any, source: Path, drop: Sequence[str] = ("id",), label: str = "label") -> Callable[[], None]:
    """Return what does so with imbalanced-learn."""

    def run() -> None:
        df = pd.read_parquet(source)
        y = df.pop(label)
        x_new, y_new = sampler.fit_resample(df.drop(columns=list(drop)), y)
        x_new.assign(label=y_new).to_parquet(f"{source}.theirs")

    return run


def told(what: str, ours: float, theirs: float, more: str = "") -> None:
    """Print a line of a table."""
    print(f"| {what} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.2f} | {more} |", flush=True)


def smote(spark: SparkSession, folder: Path, options: argparse.Namespace) -> None:
    """SMOTE, doubling the minority."""
    import imblearn.over_sampling as peers
    from sklearn.neighbors import NearestNeighbors

    from steelyard.over_sampling import SMOTE

    for n in options.rows:
        source = written(doubled(n, options.features, options.shape), folder / f"smote{n}.parquet")
        sampler = SMOTE(sampling_strategy={1: 2 * n}, key_col="id", search=options.search)
        near = NearestNeighbors(n_neighbors=6, n_jobs=options.cores)
        peer = peers.SMOTE(sampling_strategy={1: 2 * n}, random_state=0, k_neighbors=near)
        with Memory() as memory:
            theirs = None if options.alone else in_process(peer, source)
            a, b = compared(on_spark(spark, sampler, source), theirs, options.repeats)
        cells = sampler.plan(spark.read.parquet(str(source))).details["cells"]
        told(f"SMOTE, {n:,} × {options.features} {options.shape}", a, b, f"{cells}, {memory}")


def smotenc(spark: SparkSession, folder: Path, options: argparse.Namespace) -> None:
    """SMOTENC on a table of numbers and categories, its rarest class brought to the size of the largest."""
    import imblearn.over_sampling as peers
    from sklearn.neighbors import NearestNeighbors

    from steelyard.over_sampling import SMOTENC

    df = pd.read_parquet(options.table).dropna()
    label = options.label or df.columns[-1]
    categories = [c for c in df.columns if c != label and not pd.api.types.is_numeric_dtype(df[c])]
    df = df.astype(dict.fromkeys((*categories, label), str))
    source = written(df, folder / "nc.parquet")
    near = NearestNeighbors(n_neighbors=6, n_jobs=options.cores)
    peer = peers.SMOTENC(categorical_features=categories, random_state=0, k_neighbors=near)
    sampler = SMOTENC(label_col=label)
    theirs = in_process(peer, source, (), label)
    a, b = compared(on_spark(spark, sampler, source), theirs, options.repeats)
    told(f"SMOTENC, {len(df):,} rows, {len(categories)} of {df.shape[1] - 1} features categories", a, b)


def cleaning(spark: SparkSession, folder: Path, options: argparse.Namespace) -> None:
    """Edited nearest neighbours and Tomek links on tables of growing size."""
    import imblearn.under_sampling as peers

    import steelyard.under_sampling as ours

    for n in options.rows:
        source = written(doubled(n // 3, options.features, options.shape), folder / f"clean{n}.parquet")
        for name in ("TomekLinks", "EditedNearestNeighbours"):
            sampler = getattr(ours, name)(key_col="id", search=options.search)
            peer = getattr(peers, name)(n_jobs=options.cores)
            theirs = in_process(peer, source) if n <= options.theirs_up_to and not options.alone else None
            a, b = compared(on_spark(spark, sampler, source), theirs, options.repeats)
            told(f"{name}, {n:,} × {options.features} {options.shape}", a, b)


def session(cores: int) -> SparkSession:
    """Return a local session."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false").config("spark.driver.memory", "4g")
    # As in the sessions that `steelyard run` makes: Spark doesn't record where each column expression was written.
    spark = builder.config("spark.python.sql.dataFrameDebugging.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["smote", "smotenc", "cleaning"])
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000], help="minority rows; of cleaning, all rows")
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--shape", choices=["clustered", "gaussian"], default="clustered")
    parser.add_argument("--search", choices=["auto", "exact", "cells"], default="auto")
    parser.add_argument("--table", help="of smotenc: a Parquet file")
    parser.add_argument("--label", help="of smotenc: the label, by default the last column")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help="without imbalanced-learn")
    parser.add_argument("--theirs-up-to", type=int, default=50_000, help="of cleaning: rows that it gets")
    options = parser.parse_args()
    spark = session(options.cores)
    print("| what | steelyard, s | imbalanced-learn, s | ratio | |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        globals()[options.what](spark, Path(folder), options)
    spark.stop()


if __name__ == "__main__":
    main()

"""Samplers on Spark and their peers, in one run: seconds, ratios, memory of workers.

    python benchmarks/samplers.py smote --rows 200000 --features 30 --repeats 3
    python benchmarks/samplers.py smote --rows 200000 --shape gaussian
    python benchmarks/samplers.py smote --rows 800000 --alone
    python benchmarks/samplers.py smotenc --table adult.parquet
    python benchmarks/samplers.py cleaning --rows 20000 50000 1000000 --theirs-up-to 50000
    python benchmarks/samplers.py random --rows 10000000

"clustered" rows lie as real tables do (12 latent dimensions, 20 groups), "gaussian" rows have no structure at all. The
minority is doubled. Both sides read the same Parquet file and write their result to Parquet; imbalanced-learn searches
with as many processes as Spark has cores. Random samplers have Spark's own as peers, which hit counts on average only;
both sides count the classes first, and their rows go nowhere (`noop`). Runs alternate; medians are told.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from timing import HEAD, OURS, Memory, Row, in_turns, session, show

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


def smote(spark: SparkSession, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """SMOTE, doubling the minority."""
    import imblearn.over_sampling as peers
    from sklearn.neighbors import NearestNeighbors

    from steelyard.over_sampling import SMOTE

    for n in options.rows:
        source = written(doubled(n, options.features, options.shape), folder / f"smote{n}.parquet")
        sampler = SMOTE(sampling_strategy={1: 2 * n}, key_col="id", search=options.search)
        near = NearestNeighbors(n_neighbors=6, n_jobs=options.cores)
        peer = peers.SMOTE(sampling_strategy={1: 2 * n}, random_state=0, k_neighbors=near)
        theirs = in_process(peer, source) if n <= options.theirs_up_to else None
        with Memory() as memory:
            found = beside_imblearn(on_spark(spark, sampler, source), theirs, options)
        cells = sampler.plan(spark.read.parquet(str(source))).details["cells"]
        goal = {50_000: "≤ 0.6", 200_000: "≤ 0.12", 800_000: "≤ 4.5 × ours at 200,000"}.get(n, "")
        what = f"SMOTE, {n:,} × {options.features} {options.shape}"
        yield Row(what, found, goal, f"{cells or 'exact search'}, {memory}")


def smotenc(spark: SparkSession, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
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
    found = beside_imblearn(on_spark(spark, sampler, source), in_process(peer, source, (), label), options)
    what = f"SMOTENC, {Path(options.table).stem}: {len(df):,} rows, {len(categories)} of {df.shape[1] - 1} categories"
    yield Row(what, found, "≤ 0.7")


def cleaning(spark: SparkSession, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Edited nearest neighbours and Tomek links on tables of growing size."""
    import imblearn.under_sampling as peers

    import steelyard.under_sampling as ours

    for n in options.rows:
        source = written(doubled(n // 3, options.features, options.shape), folder / f"clean{n}.parquet")
        for name in ("TomekLinks", "EditedNearestNeighbours"):
            sampler = getattr(ours, name)(key_col="id", search=options.search)
            peer = getattr(peers, name)(n_jobs=options.cores)
            theirs = in_process(peer, source) if n <= options.theirs_up_to else None
            found = beside_imblearn(on_spark(spark, sampler, source), theirs, options)
            goal = "≤ 1.0" if theirs else "< 60 s" if n == 1_000_000 else ""
            yield Row(f"{name}, {n:,} × {options.features} {options.shape}", found, goal)


def random(spark: SparkSession, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Random under- and over-sampling to one positive in ten, of tables in which one row in a hundred is one."""
    from steelyard.over_sampling import RandomOverSampler
    from steelyard.under_sampling import RandomUnderSampler

    for n in options.rows:
        path = str(folder / f"random{n}.parquet")
        keyed(spark, n, 2, 10, rare=0.01).write.mode("overwrite").parquet(path)
        df = spark.read.parquet(path)
        how: dict[str, Any] = {"sampling_strategy": 0.1, "key_col": "id"}
        ours = {"under": RandomUnderSampler(**how), "over": RandomOverSampler(**how)}
        theirs = {"under": sample_by, "over": sampled_again}
        for name, sampler in ours.items():
            peer = theirs[name]
            runs: dict[str, Callable[[], object]] = {
                peer.__name__: lambda peer=peer, df=df: nowhere(peer(df)),
                OURS: lambda sampler=sampler, df=df: nowhere(sampler.fit_resample(df)),
            }
            found = in_turns(runs, options.repeats)
            yield Row(f"random {name}-sampling, {n:,} × 10", found, "≤ 1.3", "the peer's counts are not exact")


def keyed(spark: SparkSession, n: int, classes: int, features: int, rare: float = 0.0) -> DataFrame:
    """Return n rows with a key, features and a label; classes are of equal size, but for two with a share of 1s."""
    drawn = [(F.pmod(F.xxhash64("id", F.lit(i)), F.lit(1 << 40)) / (1 << 40)) for i in range(features + 1)]
    label = (drawn[-1] < rare).cast("int") if rare else F.floor(drawn[-1] * classes).cast("int")
    made = [drawn[i].alias(f"f{i}") for i in range(features)]
    return spark.range(0, n, 1, 2 * max(1, n // 4_000_000)).select("id", label.alias("label"), *made)


def sample_by(df: DataFrame) -> DataFrame:
    """Return about ten times as many others as positives, by Spark's sampleBy."""
    counts = dict(df.groupBy("label").count().collect())
    return df.sampleBy("label", {1: 1.0, 0: 10 * counts[1] / counts[0]}, seed=0)


def sampled_again(df: DataFrame) -> DataFrame:
    """Return the table and about so many copies of positives that they are a tenth of the others."""
    counts = dict(df.groupBy("label").count().collect())
    again = counts[0] / 10 / counts[1] - 1
    return df.unionByName(df.where(F.col("label") == 1).sample(withReplacement=True, fraction=again, seed=0))


def nowhere(df: DataFrame) -> None:
    """Compute all rows and columns, and store nothing."""
    df.write.format("noop").mode("overwrite").save()


def beside_imblearn(
    ours: Callable[[], None], theirs: Callable[[], None] | None, options: argparse.Namespace
) -> dict[str, float]:
    """Return seconds of both, of ours alone where the peer is left out."""
    runs: dict[str, Callable[[], object]] = {} if theirs is None or options.alone else {"imbalanced-learn": theirs}
    return in_turns({**runs, OURS: ours}, options.repeats)


def parser() -> argparse.ArgumentParser:
    """Return the options and their defaults."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("what", choices=["smote", "smotenc", "cleaning", "random"])
    made.add_argument("--rows", type=int, nargs="+", default=[50_000], help="of smote, minority rows; else all rows")
    made.add_argument("--features", type=int, default=30)
    made.add_argument("--shape", choices=["clustered", "gaussian"], default="clustered")
    made.add_argument("--search", choices=["auto", "exact", "cells"], default="auto")
    made.add_argument("--table", help="of smotenc: a Parquet file")
    made.add_argument("--label", help="of smotenc: the label, by default the last column")
    made.add_argument("--repeats", type=int, default=3)
    made.add_argument("--cores", type=int, default=2)
    made.add_argument("--alone", action="store_true", help="without imbalanced-learn")
    made.add_argument("--theirs-up-to", type=int, default=200_000, help="rows that imbalanced-learn gets")
    return made


def main() -> None:
    """Run and print."""
    options = parser().parse_args()
    spark = session(options.cores)
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for row in globals()[options.what](spark, Path(folder), options):
            show(row)
    spark.stop()


if __name__ == "__main__":
    main()

"""How even are grouped folds, next to scikit-learn's StratifiedGroupKFold?

For each table, five folds that keep groups whole, by `grouped_folds` and by `StratifiedGroupKFold` (unshuffled, and
the mean of five shuffles). Told is by how much the rows of a class in a fold differ from a fifth of the class, as a
share of this fifth: the worst of all folds for the rarest class, and the worst of all classes and folds.

    python benchmarks/folds.py                       generated tables
    python benchmarks/folds.py --handbook FILE       and the Fraud Detection Handbook's transformed data, by customer
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from sklearn.model_selection import StratifiedGroupKFold

from steelyard.dataset import Dataset
from steelyard.splitting import grouped_folds
from steelyard.stats import class_counts

RESULTS = Path(__file__).parent / "results" / "folds.md"
FOLDS = 5
HEADER = (
    "| table | rows | groups | rarest class | ours: rarest, any | scikit-learn: rarest, any "
    "| shuffled: rarest, any |\n| --- | --- | --- | --- | --- | --- | --- |"
)


def generated(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Tables of a label `y` and a group `g`."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum((rng.pareto(1.1, 4000) + 1).astype(int), 20_000)
    customers = np.repeat(np.arange(4000), sizes)
    risky = rng.beta(0.2, 10, 4000)
    giants = rng.choice(60, 50_000, p=np.array([0.25, 0.1, 0.05, *np.full(57, 0.6 / 57)]))
    many = rng.integers(0, 100_000, 1_000_000)
    kinds = rng.dirichlet([0.3, 0.2, 0.1, 0.02], 800)
    mixed = np.repeat(np.arange(800), rng.integers(1, 120, 800))
    classes = (rng.random(len(mixed))[:, None] > kinds[mixed].cumsum(axis=1)).sum(axis=1)
    return {
        "sizes by a power law, risk by customer": frame(customers, rng.random(len(customers)) < risky[customers]),
        "60 groups, three of them giants": frame(giants, rng.random(len(giants)) < 0.01),
        "100,000 groups, 0.5 % positives": frame(many, rng.random(len(many)) < 0.005),
        "four classes, mixed in 800 groups": frame(mixed, classes),
        "30 positive groups of 2,000": frame(many[:20_000] % 2000, (many[:20_000] % 2000) < 30),
    }


def frame(groups: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"g": groups.astype(np.int64), "y": np.asarray(labels).astype(np.int64)})


def off(counts: np.ndarray) -> tuple[float, float]:
    """Worst relative deviation of the rarest class, and of any; `counts` has a row for each fold."""
    totals = counts.sum(axis=0)
    worst = np.abs(counts * FOLDS / totals - 1).max(axis=0)
    return float(worst[totals.argmin()]), float(worst.max())


def by_scikit_learn(table: pd.DataFrame, seed: int | None) -> tuple[float, float]:
    folds = StratifiedGroupKFold(FOLDS, shuffle=seed is not None, random_state=seed)
    y = table["y"].to_numpy()
    parts = [np.bincount(y[test], minlength=y.max() + 1) for _, test in folds.split(y, y, table["g"])]
    return off(np.array(parts))


def by_us(spark: SparkSession, path: str, seed: int = 0) -> tuple[float, float]:
    df = spark.read.parquet(path)
    plan = grouped_folds(df, Dataset("y", (), group="g"), class_counts(df, "y").counts, FOLDS, seed=seed)
    return off(np.array([list(of.values()) for of in plan.counts.values()]))


def line(spark: SparkSession, name: str, table: pd.DataFrame, folder: str) -> str:
    path = f"{folder}/t.parquet"
    table.to_parquet(path, index=False)
    ours, theirs = by_us(spark, path), by_scikit_learn(table, None)
    shuffled = np.mean([by_scikit_learn(table, seed) for seed in range(5)], axis=0)
    shown = [", ".join(f"{100 * x:.3f} %" for x in pair) for pair in (ours, theirs, shuffled)]
    cells = [name, f"{len(table):,}", f"{table['g'].nunique():,}", f"{table['y'].value_counts().min():,}", *shown]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--handbook", help="the handbook's table as Parquet")
    args = parser.parse_args()
    tables = generated()
    if args.handbook:
        handbook = pd.read_parquet(args.handbook, columns=["CUSTOMER_ID", "TX_FRAUD"])
        tables = {"Fraud Detection Handbook": frame(handbook["CUSTOMER_ID"], handbook["TX_FRAUD"]), **tables}
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.sql.shuffle.partitions", "4").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        lines = [line(spark, name, table, folder) for name, table in tables.items()]
    text = "\n".join([HEADER, *lines])
    print(text)
    RESULTS.write_text(f"# How even are grouped folds?\n\n{__doc__.split(chr(10) * 2)[1]}\n\n{text}\n")


if __name__ == "__main__":
    main()

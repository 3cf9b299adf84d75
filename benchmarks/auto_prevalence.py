"""Does `auto` change its choice when the generator's fraud share falls from 5 % to 0.05 %, and beat its old choice?

    PYTHONPATH=pipelines python benchmarks/auto_prevalence.py --data DIR [--seeds 5] [--rows 40000]

`DIR` gets two tables of `make_card_transactions`, unless it has them: 100,000 rows at 5 %, and 400,000 rows at 0.05 %
with another seed. The old choice is that on 40,000 training rows at 5 %, the new one that on `--rows` training rows at
0.05 %, both on three folds. Both are trained on these rows at 0.05 %, and judged by PR area on all others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from auto_choice import Rows, fold_scores, rows_of, test_scores
from auto_rules import as_built, case, parsed

from steelyard.config import RedecideConfig
from steelyard.stages._choices import Traits, changes

TABLES = {"old": (100_000, 0.05, 1), "new": (400_000, 0.0005, 2)}
"""Rows, share of frauds and seed."""
NO_FEATURES = ["transaction_id", "customer_id", "booked_at"]
OLD_ROWS, FOLDS = 40_000, 3


def make(data: Path) -> None:
    """Write the tables that are not there."""
    due = {name: of for name, of in TABLES.items() if not (data / f"{name}.parquet").exists()}
    if not due:
        return
    from pyspark.sql import SparkSession

    from steelyard.datasets import make_card_transactions

    data.mkdir(parents=True, exist_ok=True)
    spark = SparkSession.builder.master("local[2]").getOrCreate()
    for name, (rows, share, seed) in due.items():
        make_card_transactions(spark, rows, share, seed=seed).coalesce(1).write.parquet(str(data / f"{name}.parquet"))
    spark.stop()


def read(data: Path, name: str, train: int) -> Rows:
    df = pd.read_parquet(data / f"{name}.parquet").sort_values("transaction_id")
    return rows_of(df.drop(columns=[*NO_FEATURES, "is_fraud"]), df["is_fraud"] == 1, 1 - train / len(df))


def traits(rows: Rows) -> Traits:
    return Traits(round(len(rows.y) * (1 - rows.test)), float(rows.y.mean()), None)


def main() -> None:
    """Print a line for each seed, and the mean gain."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=OLD_ROWS)
    given = parser.parse_args()
    make(given.data)
    old, new = read(given.data, "old", OLD_ROWS), read(given.data, "new", given.rows)
    print("compares again:", "; ".join(changes(traits(old), traits(new), RedecideConfig())), "\n")
    print("| seed | choice at 5 % | choice at 0.05 % | PR area of the old choice | of the new one | best recipe |")
    print("| --- | --- | --- | --- | --- | --- |")
    gains = []
    for seed in range(given.seeds):
        found = parsed(fold_scores(old, seed, FOLDS))
        before = as_built(case("old", seed, found, found))
        now = case("new", seed, parsed(fold_scores(new, seed, FOLDS)), parsed(test_scores(new, seed)))
        after = as_built(now)
        best = max(now.areas, key=now.areas.__getitem__)
        areas = f"{now.areas[before]:.3f} | {now.areas[after]:.3f} | {best} ({now.areas[best]:.3f})"
        print(f"| {seed} | {before} | {after} | {areas} |", flush=True)
        gains.append(now.areas[after] - now.areas[before])
    error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else float("nan")
    print(f"\nMean gain: {np.mean(gains):+.3f}, standard error {error:.3f}.")


if __name__ == "__main__":
    main()

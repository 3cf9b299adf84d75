"""Does `auto` change its choice when the generator's fraud share falls from 5 % to 0.05 %, and beat its old choice?

    PYTHONPATH=pipelines python benchmarks/auto_prevalence.py --data DIR [--seeds 10] [--rows 40000]

`DIR` gets two tables of `make_card_transactions`, unless it has them: 100,000 rows at 5 %, and 8 million rows at 0.05 %
with another seed. The old choice is that on 40,000 training rows at 5 %. Each seed has `--rows` training rows at 0.05 %
and 160,000 test rows, no two seeds the same rows: `auto` chooses on three folds of the training rows, each recipe is
trained on them, and judged by PR area on the test rows. Seeds are independent, so that the standard error over seeds
holds both the training rows' and the test rows' part. The scores are stored in `DIR`: a seed that is there is not
trained again, and `--show` only prints what is there.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from auto_choice import Rows, fold_scores, rows_of, test_scores
from auto_rules import RULES, Case, as_built, case, parsed

from steelyard.config import RedecideConfig
from steelyard.stages._choices import Traits, changes

TABLES = {"old": (100_000, 0.05, 1), "big": (8_000_000, 0.0005, 3)}
"""Rows, share of frauds and seed."""
NO_FEATURES = ["transaction_id", "customer_id", "booked_at"]
OLD_ROWS, TEST_ROWS, FOLDS = 40_000, 160_000, 3


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


def read(data: Path, name: str) -> pd.DataFrame:
    """Return a table in a random order of its rows, always the same."""
    df = pd.read_parquet(data / f"{name}.parquet").sort_values("transaction_id", ignore_index=True)
    return df.sample(frac=1, random_state=0, ignore_index=True)


def in_memory(df: pd.DataFrame, tested: int) -> Rows:
    """Return rows of which the first test and the others train."""
    return rows_of(df.drop(columns=[*NO_FEATURES, "is_fraud"]), df["is_fraud"] == 1, np.arange(tested))


def of_seed(big: pd.DataFrame, seed: int, train: int) -> Rows:
    """Return the test rows and the training rows of a seed."""
    each = TEST_ROWS + train
    if (seed + 1) * each > len(big):
        raise SystemExit(f"the table has too few rows for seed {seed}")
    return in_memory(big[seed * each : (seed + 1) * each], TEST_ROWS)


def stored(path: Path, make: Any) -> dict[str, Any]:
    """Return what a file holds; make it first if it is not there."""
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_bytes(gzip.compress(json.dumps(make()).encode(), compresslevel=3))
        part.rename(path)
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def traits(rows: int, share: float) -> Traits:
    return Traits(rows, share, None)


def scores(rows: Rows) -> dict[str, Any]:
    """Return the scores of the recipes on folds of the training rows, and on the test rows."""
    return {"folds": fold_scores(rows, 0, FOLDS), "test": test_scores(rows, 0)}


def table(found: Sequence[Case], before: str) -> list[str]:
    """Return the mean PR area of each recipe and of `auto`, with differences to the old choice."""
    choices = [as_built(of) for of in found]
    areas: dict[str, list[float]] = {"auto": [of.areas[name] for of, name in zip(found, choices, strict=True)]}
    names = set.intersection(*(set(of.areas) for of in found))
    areas |= {n: [of.areas[n] for of in found] for n in sorted(names, key=lambda n: (n != before, n))}
    lines = ["| recipe | mean PR area | less the old choice | standard error | chosen |", "| --- " * 5 + "|"]
    count = Counter(choices)
    for name, of in areas.items():
        gap, error = paired(of, areas[before])
        lines.append(f"| {name} | {np.mean(of):.3f} | {gap:+.3f} | {error:.3f} | {count.get(name, '')} |")
    return lines


def rules_table(found: Sequence[Case], before: str) -> list[str]:
    """Return the mean PR area of other rules."""
    old = [of.areas[before] for of in found]
    lines = ["| standard errors | order | mean PR area | less the old choice | standard error |", "| --- " * 5 + "|"]
    for rule in RULES:
        of = [c.areas[rule.choose(c)] for c in found]
        gap, error = paired(of, old)
        lines.append(f"| {rule} | {np.mean(of):.3f} | {gap:+.3f} | {error:.3f} |")
    return lines


def paired(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return the mean difference and its standard error."""
    gap = np.subtract(one, other)
    return float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(len(gap))) if len(gap) > 1 else float("nan")


def as_case(seed: int, of: Mapping[str, Any]) -> Case:
    return case("big", seed, parsed(of["folds"]), parsed(of["test"]))


def main() -> None:
    """Fill the store, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=OLD_ROWS)
    parser.add_argument("--show", action="store_true", help="train nothing")
    given = parser.parse_args()
    paths = [given.data / f"prevalence.{given.rows}.{seed}.json.gz" for seed in range(given.seeds)]
    first = given.data / "prevalence.old.json.gz"
    if not given.show:
        make(given.data)
        stored(first, lambda: fold_scores(in_memory(read(given.data, "old"), TABLES["old"][0] - OLD_ROWS), 0, FOLDS))
        big = read(given.data, "big")
        for seed, path in enumerate(paths):
            stored(path, lambda seed=seed: scores(of_seed(big, seed, given.rows)))
            print("seed", seed, flush=True)
    again = parsed(stored(first, dict))
    before = as_built(case("old", 0, again, again))
    found = [as_case(seed, stored(path, dict)) for seed, path in enumerate(paths) if path.exists()]
    old, new = traits(OLD_ROWS, TABLES["old"][1]), traits(given.rows, TABLES["big"][1])
    print("compares again:", "; ".join(changes(old, new, RedecideConfig())))
    print(f"choice at 5 %: {before}; {len(found)} seeds at 0.05 %\n")
    print("\n".join([*table(found, before), "", *rules_table(found, before)]))


if __name__ == "__main__":
    main()

"""Train and judge the recipes of `auto` on real tables, in memory and without Spark, and store their scores.

    PYTHONPATH=pipelines python benchmarks/auto_choice.py --data DIR --store DIR [--seeds 5] [--most N] [--folds 3]

Each table is divided at random into 70 % training and 30 % test rows. Recipes are compared on folds of the training
rows, as the stage `compare` does, then trained on all training rows and judged on the test rows. The store has a file
for each table, seed and number of folds; files that exist are kept, so that the work can be stopped and continued.
`benchmarks/auto_rules.py` reads them: choices, regrets and other rules need no training.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from steelyard.comparing import Candidate, more_candidates, standard_candidates
from steelyard.comparing._fold_scores import FoldScores
from steelyard.comparing._worker import Setting, Table, judged
from steelyard.errors import SteelyardError

HELD, TEST = 0.125, 0.3
ROWS, POSITIVES = 10_000, 200
"""Rows of a table at most, and positives that it keeps at least."""
OTHERS: dict[str, tuple[str, str, str]] = {
    "adult": ("income", ">50K", "split"),
    "ai4i2020": ("Machine_failure", "1", "TWF|HDF|PWF|OSF|RNF|UDI|Product_ID"),
    "cdc_diabetes_half": ("Diabetes_012", "1", ""),
    "cover_2v4": ("label", "1", ""),
    "creditcard_ulb_sample": ("Class", "1", ""),
    "creditcard_ulb_trunc40pct": ("Class", "1", ""),
    "fraud_handbook_apr2018": (
        "TX_FRAUD",
        "1",
        "TRANSACTION_ID|TX_DATETIME|CUSTOMER_ID|TERMINAL_ID|TX_TIME_SECONDS|TX_TIME_DAYS|TX_FRAUD_SCENARIO",
    ),
    "mammography": ("label", "1", ""),
    "oil_spill": ("label", "1", ""),
    "polish_bankruptcy_5y": ("label", "1", ""),
    "shuttle": ("label", "Fpv Close", ""),
    "thyroid_ann": ("label", "A", ""),
    "wilt": ("Class", "2", ""),
}
"""Label, positive class and columns that are no features, of tables outside KEEL; the other classes are negative."""
SOURCES = {"kr_vs_k": "kr_vs_k", "new_thyroid": "new_thyroid", "thyroid_ann": "thyroid_ann", "oil_spill": "oil_spill"}


@dataclass(frozen=True)
class Rows:
    """Features (categories as 0 and 1), labels, whether some features are categories; share or places of test rows."""

    x: NDArray[np.float32]
    y: NDArray[np.float64]
    categories: bool
    test: float | NDArray[np.int64] = TEST


def source_of(name: str) -> str:
    """Return the origin of a table: its name before the first digit or underscore, or one of `SOURCES`."""
    return next((of for start, of in SOURCES.items() if name.startswith(start)), re.split(r"[\d_]", name)[0])


def tables(data: Path, most: int) -> Iterator[Path]:
    """Yield at most so many tables of each source, the sources in turn."""
    of = defaultdict[str, list[Path]](list)
    for path in [*(data / f"{name}.parquet" for name in OTHERS), *sorted((data / "keel").glob("*.parquet"))]:
        of[source_of(path.stem)].append(path)
    for place in range(min(most, max(map(len, of.values())))):
        yield from (paths[place] for paths in of.values() if place < len(paths))


def read(path: Path) -> Rows:
    """Return a table with at most `ROWS` rows, drawn by class."""
    df = pd.read_parquet(path)
    label, positive, out = OTHERS.get(path.stem, (df.columns[-1], "", ""))
    y = df[label].astype(str)
    y = y == (positive or y.value_counts().idxmin())
    x = df.drop(columns=[label, *[c for c in out.split("|") if c in df]])
    if len(df) > ROWS:
        positives = min(int(y.sum()), max(POSITIVES, round(ROWS * y.mean())))
        drawn = [y[y].sample(positives, random_state=0), y[~y].sample(ROWS - positives, random_state=0)]
        chosen = np.sort(pd.concat(drawn).index)
        x, y = x.loc[chosen], y.loc[chosen]
    return rows_of(x, y)


def rows_of(x: pd.DataFrame, y: pd.Series[bool], test: float | NDArray[np.int64] = TEST) -> Rows:
    """Return a table's rows in memory."""
    numeric = x.select_dtypes("number").shape[1]
    return Rows(pd.get_dummies(x, dtype=float).to_numpy(np.float32), y.to_numpy(float), numeric < x.shape[1], test)


def table(x: NDArray[np.float32], y: NDArray[np.float64], test: NDArray[np.bool_], seed: int) -> Table:
    """Return rows as a task gets them."""
    rng, n = np.random.default_rng(seed), len(y)
    one = np.ones(n)
    return Table(x, y, one, rng.permutation(n), rng.permutation(n), test, rng.integers(0, 200, n), one, one)


def scores(of: Table, candidate: Candidate) -> FoldScores | None:
    """Return a fold's scores of a candidate; None where its rows do not allow it."""
    setting = Setting(candidate.to_json(), ("0", "1"), HELD, (1.0, 1.0), (1.0, 1.0), {})
    try:
        return judged(of, setting)
    except (SteelyardError, ValueError):
        return None


def divided(rows: Rows, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Candidate]]:
    """Return places of training and test rows, and the candidates."""
    index = np.arange(len(rows.y))
    if isinstance(rows.test, float):
        train, test = train_test_split(index, test_size=rows.test, stratify=rows.y, random_state=seed)
    else:
        train, test = np.setdiff1d(index, rows.test), rows.test
    counts = {"0": int((rows.y[train] == 0).sum()), "1": int((rows.y[train] == 1).sum())}
    more = more_candidates(counts, categories=rows.categories, seed=seed)
    return train, test, [*standard_candidates(counts, seed), *more]


def fold_scores(rows: Rows, seed: int, folds: int) -> dict[str, Any]:
    """Return the scores of each candidate on each fold of the training rows."""
    train, _, candidates = divided(rows, seed)
    x, y = rows.x[train], rows.y[train]
    plan = StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, y)
    parts = [table(x, y, np.isin(np.arange(len(y)), inside), seed) for _, inside in plan]
    return _stored({c.name: [scores(part, c) for part in parts] for c in candidates})


def test_scores(rows: Rows, seed: int) -> dict[str, Any]:
    """Return the scores of each candidate on the test rows."""
    _, test, candidates = divided(rows, seed)
    whole = table(rows.x, rows.y, np.isin(np.arange(len(rows.y)), test), seed)
    return _stored({c.name: [scores(whole, c)] for c in candidates})


def _stored(found: dict[str, list[FoldScores | None]]) -> dict[str, Any]:
    return {name: [of and of.to_json() for of in parts] for name, parts in found.items()}


def main() -> None:
    """Fill the store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=1000, help="tables of a source")
    parser.add_argument("--folds", type=int, default=3)
    given = parser.parse_args()
    given.store.mkdir(parents=True, exist_ok=True)
    for seed in range(given.seeds):
        for path in tables(given.data, given.most):
            fill(given.store, path, seed, given.folds)


def fill(store: Path, path: Path, seed: int, folds: int) -> None:
    """Write the files of a table and a seed that are not there yet."""
    names = [store / f"{path.stem}.{seed}.{part}.json.gz" for part in (folds, "test")]
    if all(of.exists() for of in names):
        return
    rows, start = read(path), process_time()
    if rows.y.sum() * (1 - TEST) < 2 * folds + 2:
        return
    for of, make in zip(names, (lambda: fold_scores(rows, seed, folds), lambda: test_scores(rows, seed)), strict=True):
        if not of.exists():
            part = of.with_suffix(".part")
            part.write_bytes(gzip.compress(json.dumps(make()).encode(), compresslevel=3))
            part.rename(of)
    print(path.stem, seed, folds, f"{process_time() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()

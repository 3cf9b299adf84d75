"""Guided against uniform sampling of negatives, in one process: PR area, log loss and rows.

    PYTHONPATH=pipelines python benchmarks/guided_sampling.py --data DIR [--tables mammography creditcard_ulb_sample]

70 % of the rows train (at most 200,000) and 30 % test; the fraud table is divided in time. XGBoost grows 200 trees of
depth 6. Uniform sampling is corrected in closed form; guided sampling trains with offsets and needs no correction. No
minimum of rows (`min_rows: 0`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.metrics import average_precision_score, log_loss

from steelyard.deciding import Prior
from steelyard.kernels.guided import keeping_weights

Array = np.ndarray[Any, Any]
TABLES = {
    "mammography": ("label", "1", None),
    "creditcard_ulb_sample": ("Class", "1", None),
    "cover_2v4": ("label", "1", None),
    "fraud_handbook_apr2018": ("TX_FRAUD", "1", "TX_DATETIME"),
}
MOST_ROWS = 200_000
METHODS = ("plain", "uniform 20:1", "guided 20:1", "uniform 5:1", "guided 5:1")
PARAMS = {"objective": "binary:logistic", "learning_rate": 0.1, "max_depth": 6, "nthread": 2}
PILOT = {**PARAMS, "max_depth": 4}
_NO_FEATURES = ("TRANSACTION_ID", "TX_FRAUD_SCENARIO", "TX_TIME_SECONDS", "TX_TIME_DAYS")


def read(folder: Path, name: str) -> tuple[Array, Array, bool]:
    """Return features, labels, and whether the rows are in order of time."""
    label, positive, time = TABLES[name]
    frame = pd.read_parquet(folder / f"{name}.parquet")
    if time is not None:
        frame = frame.sort_values(time, kind="stable").drop(columns=time)
    y = (frame.pop(label).astype(str) == positive).to_numpy().astype(int)
    frame = frame.drop(columns=[c for c in _NO_FEATURES if c in frame])
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].apply(lambda c: c.astype("category").cat.codes)
    return frame.to_numpy(dtype=np.float32), y, time is not None


def sampled(x: Array, y: Array, method: str, seed: int) -> tuple[Array, Array]:
    """Return the places of the rows to learn from, and the offset of each."""
    rng = np.random.default_rng(seed)
    kind, _, ratio = method.partition(" ")
    wanted = int(ratio.partition(":")[0] or 0) * int(y.sum())
    negatives = np.flatnonzero(y == 0)
    if kind == "plain" or wanted >= len(negatives):
        return np.arange(len(y)), np.zeros(len(y))
    weights = keeping_weights(pilot_scores(x, y, rng), float(y.mean())) if kind == "guided" else np.ones(len(y))
    position = rng.random(len(y)) / weights
    ordered = negatives[np.argsort(position[negatives], kind="stable")]
    chosen = np.concatenate([np.flatnonzero(y == 1), ordered[:wanted]])
    return chosen, -np.log(np.minimum(1.0, position[ordered[wanted]] * weights[chosen]))


def pilot_scores(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Return the scores of a model of all positives and as many negatives."""
    positives = np.flatnonzero(y == 1)
    bag = np.concatenate([positives, rng.choice(np.flatnonzero(y == 0), len(positives), replace=False)])
    model = xgb.train(PILOT, xgb.QuantileDMatrix(x[bag], y[bag]), 50)
    return np.asarray(model.inplace_predict(x)).astype(float)


def scores(x: Array, y: Array, method: str, seed: int, test: Array) -> tuple[int, Array]:
    """Return the rows trained on and the probabilities of test rows."""
    chosen, offset = sampled(x, y, method, seed)
    guided = method.startswith("guided")
    share = float(np.float32(y.mean()))
    margin = np.log(share / (1 - share)) + offset if guided else None
    start = {"base_score": share} if guided else {}
    model = xgb.train({**PARAMS, **start}, xgb.QuantileDMatrix(x[chosen], y[chosen], base_margin=margin), 200)
    found = np.asarray(model.inplace_predict(test)).astype(float)
    rate = (len(chosen) - y.sum()) / (len(y) - y.sum())
    return len(chosen), found if guided else Prior(1.0, rate).apply_numpy(found)


def trials(folder: Path, tables: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """Yield a record for each table, seed and method."""
    for name in tables:
        x, y, in_time = read(folder, name)
        for seed in range(seeds):
            order = np.arange(len(y)) if in_time else np.random.default_rng(seed).permutation(len(y))
            train, test = np.split(order, [int(0.7 * len(y))])
            train = train if in_time else train[:MOST_ROWS]
            for method in METHODS:
                rows, p = scores(x[train], y[train], method, seed, x[test])
                yield {
                    "table": name,
                    "method": method,
                    "rows": rows,
                    "area": average_precision_score(y[test], p),
                    "loss": log_loss(y[test], np.clip(p, 1e-12, 1 - 1e-12)),
                    "mean": p.mean() / y[test].mean(),
                }
        print(name, file=sys.stderr)


def main() -> None:
    """Run and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES)[:2])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: this benchmark needs the real tables {', '.join(given.tables)}")
    found = pd.DataFrame(trials(given.data, given.tables, given.seeds))
    means = found.groupby(["table", "method"], sort=False).mean()
    print("| table | method | rows | PR area | log loss | mean score / prevalence |")
    print("| --- | --- | --- | --- | --- | --- |")
    for (table, method), row in means.iterrows():
        print(
            f"| {table} | {method} | {row['rows']:,.0f} | {row['area']:.3f} | {row['loss']:.5f} | {row['mean']:.2f} |"
        )


if __name__ == "__main__":
    main()

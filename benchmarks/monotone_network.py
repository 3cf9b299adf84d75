"""Monotone features of the neural network and of XGBoost, in one process: PR area and seconds, with and without them.

    PYTHONPATH=pipelines:benchmarks python benchmarks/monotone_network.py --data DIR [--seeds 5] [--tables adult]

The network, its training and the splits are those of `network_losses.py`, XGBoost's parameters those of
`guided_sampling.py`. Categories are one number for each level. One thread.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
import xgboost as xgb
from guided_sampling import PARAMS, Array
from network_losses import standardised, trial
from sklearn.metrics import average_precision_score

TABLES = {
    "mammography": ("label", "1", {"f4": 1}),
    "ai4i2020": ("Machine_failure", "1", {"Tool_wear_min": 1}),
    "wilt": ("Class", "2", {"Mean_R": 1}),
    "adult": ("income", ">50K", {"age": 1, "education_num": 1}),
}
_NO_FEATURES = ("UDI", "Product_ID", "split")


def network(x: Array, y: Array, parts: tuple[Array, Array, Array], seed: int, monotone: tuple[int, ...]) -> float:
    """Return the PR area of a network on the third part."""
    return trial(x, y, parts, "log_loss", seed, monotone)["area"]


def xgboost(x: Array, y: Array, parts: tuple[Array, Array, Array], seed: int, monotone: tuple[int, ...]) -> float:
    """Return the PR area of a booster on the third part."""
    train, stop, test = (xgb.DMatrix(x[at], y[at]) for at in parts)
    params = {**PARAMS, "seed": seed, **({"monotone_constraints": monotone} if monotone else {})}
    how = {"evals": [(stop, "stop")], "early_stopping_rounds": 30, "verbose_eval": False}
    booster = xgb.train(params, train, 500, **how)
    return float(average_precision_score(y[parts[2]], booster.predict(test)))


MODELS = {"network": network, "xgboost": xgboost}


def main() -> None:
    """Run and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: this benchmark needs the real tables {', '.join(given.tables)}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print("| table | model | PR area without | with | paired difference (± standard error) | seconds | with |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in given.tables:
        label, positive, signs = TABLES[name]
        frame = pd.read_parquet(given.data / f"{name}.parquet").drop(columns=[*_NO_FEATURES], errors="ignore")
        y = (frame.pop(label).astype(str) == positive).to_numpy().astype(int)
        frame = pd.get_dummies(frame, dtype=np.float32)
        monotone = tuple(signs.get(column, 0) for column in frame)
        for model in given.models:
            found = []
            for seed in range(given.seeds):
                order = np.random.default_rng(seed).permutation(len(y))
                train, stop, test = np.split(order, [int(0.56 * len(y)), int(0.7 * len(y))])
                x = standardised(frame.to_numpy(dtype=np.float32), train)
                for of in ((), monotone):
                    started = perf_counter()
                    area = MODELS[model](x, y, (train, stop, test), seed, of)
                    found.append((area, perf_counter() - started))
            area, seconds = np.array(found).reshape(-1, 2, 2).transpose(2, 1, 0)
            spread = np.std(area[1] - area[0], ddof=1) / given.seeds**0.5
            columns = f"{area[0].mean():.3f} | {area[1].mean():.3f} | {np.mean(area[1] - area[0]):+.3f} ± {spread:.3f}"
            print(f"| {name} | {model} | {columns} | {seconds[0].mean():.1f} | {seconds[1].mean():.1f} |", flush=True)


if __name__ == "__main__":
    main()

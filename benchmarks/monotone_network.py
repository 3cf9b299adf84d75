"""Monotone features of the neural network, in one process: PR area and seconds, with and without them.

    PYTHONPATH=pipelines:benchmarks python benchmarks/monotone_network.py --data DIR [--seeds 5] [--tables adult]

Splits, training and defaults are those of `network_losses.py`. Categories are one number for each level.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from network_losses import standardised, trial

TABLES = {
    "mammography": ("label", "1", {"f4": 1}),
    "ai4i2020": ("Machine_failure", "1", {"Tool_wear_min": 1}),
    "wilt": ("Class", "2", {"Mean_R": 1}),
    "adult": ("income", ">50K", {"age": 1, "education_num": 1}),
}
_NO_FEATURES = ("UDI", "Product_ID", "split")


def main() -> None:
    """Run and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: this benchmark needs the real tables {', '.join(given.tables)}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print("| table | monotone | PR area without | with | paired difference (± standard error) | seconds | with |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in given.tables:
        label, positive, signs = TABLES[name]
        frame = pd.read_parquet(given.data / f"{name}.parquet").drop(columns=[*_NO_FEATURES], errors="ignore")
        y = (frame.pop(label).astype(str) == positive).to_numpy().astype(int)
        frame = pd.get_dummies(frame, dtype=np.float32)
        monotone = tuple(signs.get(column, 0) for column in frame)
        found = []
        for seed in range(given.seeds):
            order = np.random.default_rng(seed).permutation(len(y))
            train, stop, test = np.split(order, [int(0.56 * len(y)), int(0.7 * len(y))])
            x = standardised(frame.to_numpy(dtype=np.float32), train)
            both = [trial(x, y, (train, stop, test), "log_loss", seed, of) for of in ((), monotone)]
            found.append([*(of["area"] for of in both), *(of["seconds"] for of in both)])
        free, bound, seconds, longer = np.mean(found, axis=0)
        spread = np.std([with_ - without for without, with_, *_ in found], ddof=1) / given.seeds**0.5
        columns = f"{free:.3f} | {bound:.3f} | {bound - free:+.3f} ± {spread:.3f} | {seconds:.1f} | {longer:.1f}"
        print(f"| {name} | {', '.join(signs)} | {columns} |", flush=True)


if __name__ == "__main__":
    main()

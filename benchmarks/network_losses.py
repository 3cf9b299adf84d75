"""Losses of the neural network, in one process: PR area, best epoch and seconds.

    PYTHONPATH=pipelines python benchmarks/network_losses.py --data DIR [--seeds 3] [--tables wilt]

The tables and random splits are those of `guided_sampling.py`; a fifth of the training rows stops training. The network
has the trainer's defaults, and runs on one thread.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from guided_sampling import Array, read
from safetensors.numpy import load
from sklearn.metrics import average_precision_score

from steelyard.config import parse_loss
from steelyard.kernels.network import forward
from steelyard.learning import get_trainer
from steelyard.learning._losses import ldam_of, objective_of
from steelyard.learning._neural_network_task import Task
from steelyard.learning._neural_network_worker import Rows, train_network

TABLES = ("mammography", "creditcard_ulb_sample", "ai4i2020", "wilt")
LOSSES: dict[str, Any] = {"log_loss": "log_loss", "focal": {"focal": {}}, "ldam": {"ldam": {}}}


def standardised(x: Array, train: Array) -> Array:
    """Return features with mean 0 and standard deviation 1 on the training rows; missing ones are 0."""
    filled = np.nan_to_num(x.astype(np.float64))
    found: Array = ((filled - filled[train].mean(axis=0)) / (filled[train].std(axis=0) + 1e-9)).astype(np.float32)
    return found


def trial(
    x: Array, y: Array, parts: tuple[Array, Array, Array], loss: Any, seed: int, monotone: tuple[int, ...] = ()
) -> dict[str, float]:
    """Train on the first part, stop by the second, and return the figures of the third."""
    train, stop, test = parts
    sizes = np.bincount(y[train], minlength=2).astype(float)
    named = parse_loss(loss)
    ldam = ldam_of(named, sizes)
    objective = objective_of("log_loss" if ldam else named, sizes, sizes, offsets=True)
    how = {k: v for k, v in get_trainer("neural_network").params.items() if k != "shards"}
    fixed = {"shards": "", "features": x.shape[1], "starts": objective.starts, "shift": (0.0,), "seed": seed}
    more = {"monotone": monotone, "focal": objective.focal and asdict(objective.focal), "ldam": ldam and asdict(ldam)}
    task = Task(**{**how, **fixed, **more})
    started = perf_counter()
    rows = [Rows(x[at], y[at], np.ones(len(at)), np.zeros(len(at))) for at in (train, stop)]
    weights, history = train_network(task, *rows, rank=0)
    seconds = perf_counter() - started
    area = average_precision_score(y[test], forward(load(weights), x[test])[:, 0])
    return {"area": area, "epoch": task.best_epoch(history), "seconds": seconds}


def main() -> None:
    """Run and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: this benchmark needs the real tables {', '.join(given.tables)}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    records = []
    for name in given.tables:
        table = read(given.data, name)
        for seed in range(given.seeds):
            rows, test = table.parts(seed)
            train, stop = np.split(rows, [int(0.8 * len(rows))])
            x = standardised(table.x, train)
            for kind, loss in LOSSES.items():
                found = trial(x, table.y, (train, stop, test), loss, seed)
                records.append({"table": name, "loss": kind, **found})
        print(name, file=sys.stderr)
    print("| table | loss | PR area | best epoch | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for (name, kind), of in pd.DataFrame(records).groupby(["table", "loss"], sort=False).mean().iterrows():
        print(f"| {name} | {kind} | {of['area']:.3f} | {of['epoch']:.0f} | {of['seconds']:.1f} |")


if __name__ == "__main__":
    main()

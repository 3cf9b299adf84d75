"""XGBoost and the neural network, trained on a GPU and on the CPU: time, memory and metrics, in one table.

    PYTHONPATH=pipelines python benchmarks/device.py [--rows 300000] [--models xgboost neural_network]

Needs no Spark and no data: the table is made up (30 features, about 1 % positives). 80 % of the rows train, 10 % stop
training early, 10 % test. Each model is trained in a process of its own by the code that Spark's workers call, with the
trainers' defaults (the network: 5 epochs at most). Takes less than five minutes with two cores. Without a GPU, it says
so and measures the CPU alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, log_loss

from steelyard.learning._device import missing

Array = np.ndarray[Any, Any]
FEATURES = 30
MODELS = ("xgboost", "neural_network")
LIBRARY = {"xgboost": "xgboost", "neural_network": "torch"}
EPOCHS = 5


def table(rows: int) -> tuple[Array, Array]:
    """Return standard normal features, and labels whose log odds depend on six of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    z = 1.5 * x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) - np.sin(2 * x[:, 4]) * x[:, 5] - 7
    return x, (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(int)


def divided(x: Array, y: Array) -> list[tuple[Array, Array]]:
    """Return training, validation and test rows."""
    ends = [int(0.8 * len(y)), int(0.9 * len(y))]
    return list(zip(np.split(x, ends), np.split(y, ends), strict=True))


def xgboost_margins(parts: list[tuple[Array, Array]], device: str) -> tuple[float, Array]:
    """Return the seconds of training, and the log odds of test rows."""
    import xgboost as xgb

    from steelyard.learning import get_trainer
    from steelyard.learning._xgboost_worker import Rows, Task, train_booster

    given = get_trainer("xgboost").params
    booster = {k: given[k] for k in ("learning_rate", "max_depth", "max_bin")}
    fixed = {"objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist", "nthread": 2}
    task = Task({**booster, **fixed, "device": device}, given["n_estimators"], FEATURES, given["early_stopping_rounds"])
    rows = [Rows(x, y.astype(np.float32), np.ones(len(y), np.float32)) for x, y in parts[:2]]
    started = perf_counter()
    trained, _ = train_booster(*rows, task)
    seconds = perf_counter() - started
    model = xgb.Booster()
    model.load_model(bytearray(trained))
    return seconds, model.inplace_predict(parts[2][0], predict_type="margin").astype(float)


def neural_network_margins(parts: list[tuple[Array, Array]], device: str) -> tuple[float, Array]:
    """Return the seconds of training, and the log odds of test rows."""
    import torch
    from safetensors.numpy import load

    from steelyard.kernels.network import forward
    from steelyard.learning import get_trainer
    from steelyard.learning._losses import objective_of
    from steelyard.learning._neural_network_task import Task
    from steelyard.learning._neural_network_worker import Rows, train_network

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    sizes = np.bincount(parts[0][1], minlength=2).astype(float)
    starts = objective_of("log_loss", sizes, sizes, offsets=True).starts
    how = {k: v for k, v in get_trainer("neural_network").params.items() if k != "shards"}
    fixed = {"shards": "", "features": FEATURES, "focal": None, "seed": 0, "device": device}
    task = Task(**{**how, **fixed, "starts": starts, "shift": (0.0,), "epochs": EPOCHS})
    rows = [Rows(x, y, np.ones(len(y)), np.zeros(len(y))) for x, y in parts[:2]]
    started = perf_counter()
    weights, _ = train_network(task, *rows, rank=0)
    return perf_counter() - started, forward(load(weights), parts[2][0])[:, 0]


@contextmanager
def gpu_memory() -> Iterator[list[int]]:
    """Yield a list that gets the MiB in use on the first GPU, several times a second; empty without nvidia-smi."""
    found: list[int] = []
    program, over = shutil.which("nvidia-smi"), Event()
    asked = [str(program), "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]

    def look() -> None:
        while program and not over.wait(0.2):
            told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
            found.extend([int(told)] if told.isdigit() else [])

    watching = Thread(target=look, daemon=True)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join()


def trial(model: str, device: str, rows: int) -> dict[str, Any]:
    """Train in this process and return the figures."""
    parts = divided(*table(rows))
    with gpu_memory() as used:
        seconds, margins = globals()[f"{model}_margins"](parts, device)
    p = np.clip(1 / (1 + np.exp(-margins)), 1e-12, 1 - 1e-12)
    y = parts[2][1]
    return {
        "seconds": f"{seconds:.1f}",
        "memory": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,}",
        "gpu": f"{max(used) - min(used):,}" if device == "cuda" and used else "–",
        "area": f"{average_precision_score(y, p):.4f}",
        "loss": f"{log_loss(y, p):.5f}",
    }


def main() -> None:
    """Run and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    given = parser.parse_args()
    lacking = {model: missing(LIBRARY[model]) for model in given.models}
    print("| model | device | seconds | peak memory, MiB | GPU memory, MiB | PR area | log loss |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for model in given.models:
        if lacking[model] == f"{LIBRARY[model]} is not installed":
            continue
        for device in ("cpu",) if lacking[model] else ("cpu", "cuda"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found = pool.apply(trial, (model, device, given.rows))
            print(f"| {model} | {device} | {' | '.join(found.values())} |", flush=True)
    for model, reason in lacking.items():
        if reason:
            print(f"\nNOT measured on a GPU: {model}, because {reason}.")


if __name__ == "__main__":
    main()

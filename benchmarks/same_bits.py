"""The SHA-256 of what five fixed pipelines make, to compare two versions of this library.

    python benchmarks/same_bits.py DATA_FOLDER > before.txt   # and again with the other version

The folder holds mammography, pima, thyroid_ann, adult and wilt as Parquet (see the README of the data). Printed are
plans, synthetic and dropped rows (sorted), models, scores (sorted) and metrics. `num_workers` is fixed: what is the
default for small tables has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from steelyard.config import load
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.stages.commands.session import own_session
from steelyard.store import RunDir, Store

XGBOOST = {"model": "xgboost", "params": {"n_estimators": 60, "max_depth": 4}, "num_workers": 2}
LOGISTIC = {"model": "logistic_regression", "num_workers": 2}
PIPELINES: dict[str, dict[str, Any]] = {
    "mammography": {"resample": {"method": "smote", "sampling_strategy": 0.3}, "train": XGBOOST},
    "pima": {"resample": {"method": "smote_tomek"}, "train": LOGISTIC},
    "thyroid_ann": {"resample": {"method": "none"}, "train": {**XGBOOST, "class_weight": "balanced"}},
    "adult": {"resample": {"method": "random_under_sampler", "sampling_strategy": 0.5}, "train": XGBOOST},
    "wilt": {"resample": {"method": "near_miss", "sampling_strategy": 0.2}, "train": XGBOOST},
}
LABELS = {"adult": "income", "wilt": "Class"}
EXCLUDED = {"adult": ["split"]}


def sha(content: bytes) -> str:
    """Return a digest, shortened."""
    return hashlib.sha256(content).hexdigest()[:16]


def rows(folder: Path) -> bytes:
    """Return the rows of a Parquet folder in an order of their own."""
    frame = pd.read_parquet(folder)
    return "\n".join(sorted(map(repr, frame[sorted(frame.columns)].itertuples(index=False, name=None)))).encode()


def made(run: RunDir) -> dict[str, str]:
    """Return what a run has made: name to digest."""
    found = {}
    root = Path(run.location)
    for stage in ("split", "resample", "train", "decide", "evaluate"):
        outcome = run.outcome(stage)
        assert outcome is not None and outcome.done
        folder = {"train": "model", "evaluate": "scores"}.get(stage, stage)
        for path in sorted((root / folder / outcome.attempt).iterdir()):
            if path.name in ("plan.json", "policy.json", "model.ubj", "booster.ubj"):
                found[f"{folder}/{path.name}"] = sha(path.read_bytes())
            elif path.name in ("synthetic", "dropped"):
                found[f"{folder}/{path.name}"] = sha(rows(path))
        if folder == "scores":
            found["scores"] = sha(rows(root / folder / outcome.attempt))
    metrics = run.read_json("metrics.json")
    found["metrics.json"] = sha(json.dumps(metrics["splits"], sort_keys=True).encode())
    return found


def main() -> None:
    """Run the pipelines in one session."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, sections in PIPELINES.items():
        path = folder / f"{name}.parquet"
        data = {"path": str(path), "label": LABELS.get(name, "label"), "exclude": EXCLUDED.get(name, [])}
        document = {"version": 1, "name": name, "data": data, **sections}
        config = load(json.dumps(document))
        with tempfile.TemporaryDirectory() as store:
            run = start_run(Store(store), config, "r", {})
            run_pipeline(Context(run, config, partial(own_session, config.spark)))
            for what, digest in made(run).items():
                print(f"{name:14}{what:24}{digest}", flush=True)


if __name__ == "__main__":
    main()

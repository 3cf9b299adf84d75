"""Transfer against no transfer, on three pairs of source and target.

    PYTHONPATH=pipelines python benchmarks/transfer.py --data DIR [--seeds 3] [--method fine_tune] [--pairs adult]

Each pair is a pipeline with `train.transfer`, run once for each seed, which splits the target and draws its positives.
The run itself fits the same recipe without transfer.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

import steelyard
from steelyard.config import load
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.store import RunDir, Store

FRAUD = "fraud_handbook_apr2018"
TARGET_POSITIVES = 100  # of the later weeks in training and validation
_LEAKS = ("TX_FRAUD_SCENARIO", "TX_TIME_SECONDS", "TX_TIME_DAYS", "CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME")
Pair = Callable[[Path, np.random.Generator], tuple[pd.DataFrame, pd.DataFrame]]


def adult(data: Path, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Men are the source; the target is 3,000 women."""
    table = pd.read_parquet(data / "adult.parquet").reset_index(names="row").rename(columns={"income": "label"})
    women = table[table["sex"] == "Female"]
    return table[table["sex"] == "Male"], women.sample(3000, random_state=int(draws.integers(2**31)))


def weeks(data: Path, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first two weeks are the source; of the later ones, `TARGET_POSITIVES` positives and half of the test rows."""
    table = _fraud(data)
    early = table["TX_DATETIME"] < table["TX_DATETIME"].min() + pd.Timedelta(days=14)
    later = table[~early]
    return table[early], _thinned(later, 2 * TARGET_POSITIVES, draws)


def scenarios(data: Path, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scenario 2 (compromised terminals) is the source, scenario 1 (amounts above 220) the target.

    Each has genuine rows of its own.
    """
    table = _fraud(data)
    genuine = table[table["label"] == 0]
    ours = draws.random(len(genuine)) < 0.5
    source = pd.concat([genuine[~ours], table[table["TX_FRAUD_SCENARIO"] == 2]])
    return source, pd.concat([genuine[ours].sample(60_000, random_state=draws), table[table["TX_FRAUD_SCENARIO"] == 1]])


PAIRS: dict[str, Pair] = {"adult: men → women": adult, "fraud: early → later weeks": weeks, "fraud: 2 → 1": scenarios}


def _fraud(data: Path) -> pd.DataFrame:
    return pd.read_parquet(data / f"{FRAUD}.parquet").rename(columns={"TX_FRAUD": "label", "TRANSACTION_ID": "row"})


def _thinned(table: pd.DataFrame, positives: int, draws: np.random.Generator) -> pd.DataFrame:
    seed = int(draws.integers(2**31))
    rare = table[table["label"] == 1].sample(positives, random_state=seed)
    return pd.concat([table[table["label"] == 0].sample(60_000, random_state=seed), rare])


def measure(spark: Any, folder: Path, pair: Pair, data: Path, seed: int, method: str) -> dict[str, Any]:
    """Run a pipeline with transfer, before it one on the source if the method takes its model; return the metrics."""
    source, target = pair(data, np.random.default_rng(seed))
    for name, table in (("source", source), ("target", target)):
        kept = table.drop(columns=[c for c in (*_LEAKS, "split") if c in table])
        kept.to_parquet(folder / f"{name}.parquet", index=False)
    model = {"model": "neural_network" if method == "fine_tune" else "xgboost"}
    place = str(folder / "source.parquet")
    if method != "importance_weighting":
        place = _run(spark, folder, "source", seed, model, 0.2).location
    how = {**model, "transfer": {"source": place, "method": method}}
    found: dict[str, Any] = _run(spark, folder, "target", seed, how, 0.5).read_json("metrics.json")
    return found


def _run(spark: Any, folder: Path, name: str, seed: int, train: dict[str, Any], test: float) -> RunDir:
    config = load(
        {
            "version": 1,
            "name": name,
            "data": {"path": str(folder / f"{name}.parquet"), "label": "label", "key": "row"},
            "split": {"validation": 0.15, "test": test, "seed": seed},
            "train": {"seed": seed, "fold_models": "none", **train},
        }
    )
    run = start_run(Store(folder / "runs"), config, f"s{seed}", {})
    run_pipeline(Context(run, config, lambda: spark))
    return run


def row(name: str, runs: list[dict[str, Any]]) -> str:
    """Return the means over seeds of a pair as a row of the table; the last four columns are of weighted rows."""
    positive = runs[0]["positive"]
    ours = [r["splits"]["test"]["per_class"][positive]["pr_auc"]["value"] for r in runs]
    plain = [r["baseline"]["test"]["per_class"][positive]["pr_auc"]["value"] for r in runs]
    verdicts = ", ".join(r["transfer"]["verdict"] for r in runs)
    losses = np.mean([r["baseline"]["gain"]["log_loss"]["value"] for r in runs])
    text = (
        f"| {name} | {np.mean(plain):.3f} | {np.mean(ours):.3f} | {np.mean(ours) - np.mean(plain):+.3f} | "
        f"{losses:+.4f} | {verdicts} |"
    )
    if "classes" not in runs[0]["transfer"]:
        return text
    rare = [r["transfer"]["classes"][positive] for r in runs]
    means = [np.mean([of[key] for of in rare]) for key in ("rows", "weight", "effective_rows", "domain_auc")]
    return f"{text} {means[0]:,.0f} | {means[1]:,.0f} | {means[2]:,.0f} | {means[3]:.3f} |"


def main() -> None:
    """Print a row for each pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--method", default="importance_weighting")
    parser.add_argument("--pairs", default="", help="begin of the names")
    given = parser.parse_args()
    spark = steelyard.session()
    for name, pair in ((n, p) for n, p in PAIRS.items() if n.startswith(given.pairs)):
        began = perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            runs = [measure(spark, Path(folder), pair, given.data, seed, given.method) for seed in range(given.seeds)]
        print(row(name, runs), f"{perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()

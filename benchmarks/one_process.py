"""A script of one process that does what `steelyard run` does, and both side by side.

    python benchmarks/one_process.py TABLE.parquet            # the script alone
    python benchmarks/one_process.py TABLE.parquet --repeats 3  # the script and `steelyard run`, alternating

The script is what a team writes first: pandas reads the table, an exact stratified split, random under-sampling to
20 : 1 with the prior correction, XGBoost of 200 trees of depth 6 that stops early, the threshold of least cost, metrics
of the test rows, and 95 % intervals from 200 bootstrap draws. Times are those of whole processes, start included. The
table is one of `steelyard demo` (label `is_fraud`, key `transaction_id`, cost `amount`), or any with these columns.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from timing import OURS, in_turns

LABEL, KEY, COST, ALARM = "is_fraud", "transaction_id", "amount", 5.0
LEFT_OUT = [LABEL, KEY, "customer_id", "booked_at"]
DRAWS = 200


def script(path: str) -> dict[str, Any]:
    """Return the metrics of the test rows with intervals, all computed in this process."""
    import numpy as np
    import pandas as pd
    import xgboost as xgb
    from sklearn.model_selection import train_test_split

    frame = pd.read_parquet(path)
    y, cost = frame[LABEL].to_numpy(), frame[COST].to_numpy()
    features = frame.drop(columns=[c for c in LEFT_OUT if c in frame])
    x = pd.get_dummies(features, dtype=np.float32).to_numpy(dtype=np.float32)
    rest, test = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=7)
    train, validation = train_test_split(rest, test_size=0.125, stratify=y[rest], random_state=7)

    rng = np.random.default_rng(7)
    positives, negatives = train[y[train] == 1], train[y[train] == 0]
    kept = rng.choice(negatives, min(len(negatives), 20 * len(positives)), replace=False)
    learned = np.concatenate([positives, kept])
    rate = len(kept) / len(negatives)

    params = {"objective": "binary:logistic", "eval_metric": "logloss", "max_depth": 6, "learning_rate": 0.1}
    fitted = xgb.QuantileDMatrix(x[learned], y[learned])
    judge = xgb.QuantileDMatrix(x[validation], y[validation], ref=fitted)
    booster = xgb.train(params, fitted, 200, evals=[(judge, "v")], early_stopping_rounds=20, verbose_eval=False)

    def scored(rows: Any) -> Any:
        raw = booster.inplace_predict(x[rows], iteration_range=(0, booster.best_iteration + 1)).astype(float)
        return raw * rate / (raw * rate + 1 - raw)

    score = scored(validation)
    order = np.argsort(-score, kind="stable")
    missed = np.where(y[validation] == 1, cost[validation], 0.0)[order]
    alarms = np.where(y[validation] == 0, ALARM, 0.0)[order]
    total = missed.sum() - np.cumsum(missed) + np.cumsum(alarms)
    threshold = score[order][int(np.argmin(total))]
    return judged(scored(test), y[test], cost[test], float(threshold))


def judged(score: Any, y: Any, cost: Any, threshold: float) -> dict[str, Any]:
    """Return metrics with 95 % intervals of the bootstrap over rows."""
    import numpy as np
    from sklearn.metrics import average_precision_score, roc_auc_score

    def values(rows: Any) -> list[float]:
        s, t = score[rows], y[rows]
        alarm = s >= threshold
        hits = float((alarm & (t == 1)).sum())
        wrong = np.where(t == 1, ~alarm * cost[rows], alarm * ALARM).mean()
        precision, recall = hits / max(alarm.sum(), 1), hits / max((t == 1).sum(), 1)
        return [precision, recall, average_precision_score(t, s), roc_auc_score(t, s), float(wrong)]

    rng = np.random.default_rng(1)
    draws = np.array([values(rng.integers(0, len(y), len(y))) for _ in range(DRAWS)])
    names = ("precision", "recall", "pr_auc", "roc_auc", "expected_cost")
    spans = np.quantile(draws, [0.025, 0.975], axis=0).T
    return {
        name: {"value": value, "ci95": span}
        for name, value, span in zip(names, values(np.arange(len(y))), spans.tolist(), strict=True)
    }


def pipeline(path: str) -> str:
    """Return the pipeline of `steelyard demo` for a table."""
    data = {"path": path, "label": LABEL, "positive": 1, "key": KEY, "exclude": ["customer_id", "booked_at"]}
    return json.dumps(
        {
            "version": 1,
            "name": "one_process",
            "data": {**data, "cost": {"false_negative": COST, "false_positive": ALARM}},
            "split": {"method": "stratified", "validation": 0.1, "test": 0.2, "seed": 7},
            "resample": {"method": "random_under_sampler", "sampling_strategy": 0.05},
            "train": {"model": "xgboost", "params": {"n_estimators": 200, "max_depth": 6, "learning_rate": 0.1}},
            "decide": {"threshold": {"minimize": "cost"}},
        }
    )


def compare(path: str, repeats: int) -> tuple[float, float]:
    """Run both in turn, whole processes; return the median seconds of the script and of steelyard."""
    steelyard = str(Path(sys.executable).with_name("steelyard"))
    with tempfile.TemporaryDirectory() as store:
        ids = count()

        def process(*command: str) -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def ours() -> None:
            process(steelyard, "run", pipeline(path), "--store", store, "--run-id", f"r{next(ids)}")

        runs = {"script": lambda: process(sys.executable, __file__, path), OURS: ours}
        found = in_turns(runs, repeats, warm=False)
    return found["script"], found[OURS]


def main() -> None:
    """Run the script, or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a Parquet file or folder")
    parser.add_argument("--repeats", type=int, help="also run steelyard, so many times in turn")
    given = parser.parse_args()
    if given.repeats:
        one, other = compare(str(Path(given.table).absolute()), given.repeats)
        print(f"medians: script {one:.1f} s, steelyard {other:.1f} s; ratio {other / one:.2f}")
        return
    found = script(given.table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak_mib": round(peak)}, indent=2))


if __name__ == "__main__":
    main()

"""A comparison of 8 recipes on 3 folds, and a script of one process that trains the same models on all cores.

    PYTHONPATH=pipelines python benchmarks/compare.py TABLE.parquet                  # the script alone
    PYTHONPATH=pipelines python benchmarks/compare.py TABLE.parquet --both           # and `steelyard compare`
    PYTHONPATH=pipelines python benchmarks/compare.py TABLE.parquet --both --search  # 8 combinations, by halving

The script reads the table with pandas, takes 70 % of the rows at random and three stratified folds of them with
scikit-learn, and calls for each recipe and fold the function that a Spark task calls: resample, train, calibrate, set
the threshold, judge. Each model has one thread, and there are as many at a time as cores. Times are those of whole
processes, start included; for steelyard also that of the stage `compare`. The table is one of `steelyard demo`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from one_process import ALARM, COST, KEY, LABEL, LEFT_OUT

SPACE = {"max_depth": [3, 6], "learning_rate": [0.05, 0.2], "class_weight": ["none", "balanced"]}
FOLDS, TRAIN, HELD = 3, 0.7, 0.125


def script(path: str, *, search: bool) -> dict[str, float]:
    """Return the mean log loss of each recipe; all models are trained in this process."""
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import StratifiedKFold, train_test_split

    from steelyard.comparing import more_candidates, standard_candidates
    from steelyard.comparing._candidates import searched_candidates
    from steelyard.comparing._table import Table
    from steelyard.comparing._worker import Setting, judged
    from steelyard.config import SearchConfig

    frame = pd.read_parquet(path)
    frame, _ = train_test_split(frame, train_size=TRAIN, stratify=frame[LABEL], random_state=0)
    y, amount = frame[LABEL].to_numpy(float), frame[COST].to_numpy(float)
    x = pd.get_dummies(frame.drop(columns=LEFT_OUT), dtype=np.float32).to_numpy(np.float32)
    rng, n = np.random.default_rng(0), len(y)
    shared = [rng.permutation(n), rng.permutation(n)]
    ends = [rng.integers(0, 200, n), amount, np.full(n, ALARM)]
    folds = []
    for _, inside in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y):
        folds.append(Table(x, y, np.ones(n), *shared, np.isin(np.arange(n), inside), *ends))
    counts = {"0": int((y == 0).sum()), "1": int((y == 1).sum())}
    candidates = [*standard_candidates(counts), *more_candidates(counts, categories=True)]
    if search:
        candidates = searched_candidates(SearchConfig(**SPACE), counts)
    cost = {"false_negative": COST, "false_positive": ALARM}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {
            c.name: [
                pool.submit(judged, of, Setting(c.to_json(), ("0", "1"), HELD, (1.0, 1.0), (1.0, 1.0), cost))
                for of in folds
            ]
            for c in candidates
        }
        found = {name: [job.result() for job in of] for name, of in jobs.items()}
    return {name: float(sum(of.loss.sum() for of in parts) / n) for name, parts in found.items()}


def pipeline(path: str, *, search: bool) -> str:
    """Return the pipeline that `steelyard compare` gets."""
    data = {"path": path, "label": LABEL, "positive": 1, "key": KEY, "exclude": ["customer_id", "booked_at"]}
    compare: dict[str, Any] = {"folds": FOLDS, "metric": "log_loss"}
    if search:
        compare |= {"candidates": {}, "search": SPACE}
    return json.dumps(
        {
            "version": 1,
            "name": "compare_time",
            "data": {**data, "cost": {"false_negative": COST, "false_positive": ALARM}},
            "split": {"method": "stratified", "validation": 0.1, "test": 0.2, "seed": 0},
            "resample": {"method": "auto"},
            "train": {"model": "auto"},
            "compare": compare,
        }
    )


def spent(*command: str) -> float:
    """Return the seconds of a whole process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def both(path: str, *, search: bool) -> None:
    """Run the script and `steelyard compare` once each, and print their seconds and ratios."""
    more = ["--search"] if search else []
    alone = spent(sys.executable, __file__, path, *more)
    print(f"script {alone:.1f} s", flush=True)
    steelyard = str(Path(sys.executable).with_name("steelyard"))
    with tempfile.TemporaryDirectory() as store:
        whole = spent(steelyard, "compare", pipeline(path, search=search), "--store", store, "--run-id", "r1")
        [folder] = Path(store).glob("compare_time/r1")
        stage = json.loads((folder / "stages" / "compare.json").read_text())
        [choice] = (folder / "compare").glob("*/choice.json")
        names = [of["name"] for of in json.loads(choice.read_text())["candidates"]]
    start, end = (datetime.fromisoformat(stage[name]) for name in ("started", "finished"))
    own = (end - start).total_seconds()
    print(f"steelyard {whole:.1f} s, its stage compare {own:.1f} s")
    print(f"ratios {whole / alone:.2f} and {own / alone:.2f}; compared on all rows: {', '.join(names)}")


def main() -> None:
    """Run the script, or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a Parquet file or folder")
    parser.add_argument("--both", action="store_true", help="also run `steelyard compare`")
    parser.add_argument("--search", action="store_true", help="8 combinations of settings instead of 8 recipes")
    given = parser.parse_args()
    if given.both:
        both(str(Path(given.table).absolute()), search=given.search)
        return
    print(json.dumps(script(given.table, search=given.search), indent=2))


if __name__ == "__main__":
    main()

"""PR area of the ensembles next to those of other libraries, on real tables.

    PYTHONPATH=pipelines python benchmarks/ensembles.py --data DIR [--out FILE] [--seeds N] [--names A B]

Five real tables of two classes, divided at random into 60 % training and 40 % test rows, five times. Both libraries
train on the same rows with the same parameters. Sequential ensembles run in this process what their Spark task runs,
so that a training takes no job. imbalanced-learn has no SMOTEBoost and no self-paced ensemble: these
are compared with imbalanced-ensemble's areas, which imbens_areas.py has written. The table shows the mean PR area on
test rows, and the mean paired difference with the 95 % interval of Student's t over the seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from ensemble_tables import TABLES, divided, read
from imblearn.ensemble import (
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from scipy.stats import t as student
from sklearn.ensemble import AdaBoostClassifier
from sklearn.metrics import average_precision_score
from sklearn.tree import DecisionTreeClassifier

from steelyard import session
from steelyard.dataset import Dataset
from steelyard.ensemble._all_rounds import rounds_of_task
from steelyard.ensemble._worker import combined
from steelyard.ensemble.sequential import SequentialTrainer
from steelyard.learning import Trainer, get_trainer
from steelyard.learning.arrays import Standardiser
from steelyard.learning.packed import packed

IMBENS = Path(__file__).parent / "results" / "imbens_areas.json"
Peer = Callable[[int], Any] | None
COMPARED: dict[str, tuple[str, dict[str, Any], Peer]] = {
    "balanced_bagging": (
        "balanced_bagging",
        {"n_estimators": 10, "estimator": "decision_tree", "replacement": True},
        lambda seed: BalancedBaggingClassifier(DecisionTreeClassifier(), n_estimators=10, random_state=seed),
    ),
    "balanced_random_forest": (
        "balanced_random_forest",
        {"n_estimators": 50},
        lambda seed: BalancedRandomForestClassifier(n_estimators=50, random_state=seed),
    ),
    "easy_ensemble (mean)": (
        "easy_ensemble",
        {"n_estimators": 5, "rounds": 20, "aggregation": "mean"},
        lambda seed: EasyEnsembleClassifier(5, estimator=AdaBoostClassifier(n_estimators=20), random_state=seed),
    ),
    "rusboost (samme)": (
        "rusboost",
        {"n_estimators": 8, "algorithm": "samme"},
        lambda seed: RUSBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=8, random_state=seed),
    ),
    "rusboost (m2)": (
        "rusboost",
        {"n_estimators": 8},
        lambda seed: RUSBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=8, random_state=seed),
    ),
    "easy_ensemble (sum)": (
        "easy_ensemble",
        {"n_estimators": 5, "rounds": 20},
        lambda seed: EasyEnsembleClassifier(5, estimator=AdaBoostClassifier(n_estimators=20), random_state=seed),
    ),
    "smoteboost": ("smoteboost", {"n_estimators": 8}, None),
    "self_paced_ensemble": ("self_paced_ensemble", {"n_estimators": 10}, None),
}


def ours(spark: Any, trainer: Trainer, train: pd.DataFrame, test: pd.DataFrame) -> Any:
    """Return the scores of test rows."""
    features = tuple(c for c in train.columns if c.startswith("x"))
    data = Dataset(label="y", features=features, content=features, positive="1", classes=("0", "1"))
    rows = spark.createDataFrame(train).coalesce(2)
    fitted = trainer.fit(rows, rows, data, original_train=rows)
    scored = fitted.predict(spark.createDataFrame(test).coalesce(2)).select("row", "probabilities").toPandas()
    return np.stack(scored.sort_values("row")["probabilities"].to_list())[:, 1]


def of_task(trainer: SequentialTrainer, train: pd.DataFrame, test: pd.DataFrame) -> Any:
    """Return the scores of test rows by the members that a task trains."""
    x, label, z = (f.to_numpy(np.float32) for f in (train.drop(columns="y"), train["y"], test.drop(columns="row")))
    if trainer.impute:
        scale = Standardiser.of(x)
        x, z = (scale.apply(rows).astype(np.float32) for rows in (x, z))
    counts = {"0": int((label == 0).sum()), "1": int((label == 1).sum())}
    bag = trainer._quotas(trainer._after_synthesis(counts), 1, x.shape[1]).bag
    columns = {"task": np.zeros(len(x), np.int32), "place": np.arange(len(x)), "label": label.astype(float)}
    arrays = [*columns.values(), np.ones(len(x)), packed(x)]
    batch = pa.RecordBatch.from_arrays([pa.array(a) for a in arrays], [*columns, "weight", "features"])
    path = (type(trainer).__module__, type(trainer).__qualname__)
    sizes = {c: min(bag[c], n) for c, n in counts.items()}
    run = rounds_of_task(
        [batch], trainer=path, params=trainer.params, seed=trainer.seed, back=[1.0, 1.0], counts=counts, bag=sizes
    )
    *members, last = [row for part in run for row in part.to_pylist()]
    found = [trainer.learner.load(member["model"])(z) for member in members]
    return combined(found, json.loads(last["facts"])[0], trainer.aggregation)[:, 1]


def compare(
    spark: Any, folder: Path, name: str, table: str, seeds: int
) -> tuple[list[float], list[float], list[float]]:
    """Return PR areas of both libraries for each seed, and seconds of ours."""
    model, params, peer = COMPARED[name]
    x, y = read(folder, table)
    mine, theirs, seconds = [], [], []
    known = [] if peer else json.loads(IMBENS.read_text(encoding="utf-8"))[name][table]
    for seed in range(seeds):
        a, b, ya, yb = divided(x, y, seed)
        test = b.assign(row=range(len(b)))
        start = time.monotonic()
        trainer = get_trainer(model, params, seed=seed)
        if isinstance(trainer, SequentialTrainer):
            scores = of_task(trainer, a.assign(y=ya), test)
        else:
            scores = ours(spark, trainer, a.assign(y=ya), test)
        seconds.append(time.monotonic() - start)
        mine.append(float(average_precision_score(yb, scores)))
        if peer is None:
            theirs.append(known[seed])
            continue
        fitted = peer(seed).fit(a.to_numpy(), ya)
        theirs.append(float(average_precision_score(yb, fitted.predict_proba(b.to_numpy())[:, 1])))
    return mine, theirs, seconds


def line(name: str, table: str, mine: list[float], theirs: list[float], seconds: list[float]) -> str:
    """Return a line of the table."""
    differences = np.subtract(mine, theirs)
    half = float(student.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences)))
    shown = f"{differences.mean():+.3f} ± {half:.3f}"
    verdict = "worse" if differences.mean() < -half else "better" if differences.mean() > half else "equal"
    cells = [name, table, f"{np.mean(mine):.3f}", f"{np.mean(theirs):.3f}", shown, verdict, f"{np.mean(seconds):.1f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table, and write it where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--names", nargs="*", default=list(COMPARED))
    asked = parser.parse_args()
    spark = None
    if any(not issubclass(type(get_trainer(COMPARED[name][0])), SequentialTrainer) for name in asked.names):
        spark = session("local[2]", {"spark.sql.shuffle.partitions": "4", "spark.ui.enabled": "false"})
    lines = ["| ensemble | table | steelyard | other | difference | verdict | seconds |"]
    lines.append("|" + " --- |" * 7)
    for name in asked.names:
        for table in TABLES:
            lines.append(line(name, table, *compare(spark, asked.data, name, table, asked.seeds)))
            print(lines[-1], flush=True)
            if asked.out:
                asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

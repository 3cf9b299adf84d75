"""How long ensembles train on a large table of a rare class, next to XGBoost on 20 negatives for each positive.

    PYTHONPATH=pipelines python benchmarks/ensembles_large.py --rows 10000000 [--names A B] > FILE

Rows are those of `steelyard demo`, 0.2 % of them fraud, read from Parquet. Each line is one training with default
parameters, from the Parquet table to the model, preprocessing included; XGBoost (200 trees of depth 6) includes the
draw of its rows. Memory is the largest of a Python worker of Spark.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from timing import Memory, conditions, session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from steelyard.dataset import Dataset

LABEL, KEY = "is_fraud", "transaction_id"
LEFT_OUT = (LABEL, KEY, "customer_id", "booked_at")
XGBOOST = "xgboost on 20:1"
POOL = {"pool": 100}
TRAINED: dict[str, tuple[str, dict[str, Any]]] = {
    XGBOOST: ("xgboost", {"n_estimators": 200, "max_depth": 6}),
    "balanced_bagging": ("balanced_bagging", {}),
    "balanced_random_forest": ("balanced_random_forest", {}),
    "easy_ensemble": ("easy_ensemble", {}),
    "rusboost, pool: 100": ("rusboost", POOL),
    "smoteboost, pool: 100": ("smoteboost", POOL),
    "self_paced_ensemble, pool: 100": ("self_paced_ensemble", POOL),
    "rusboost": ("rusboost", {}),
    "smoteboost": ("smoteboost", {}),
    "self_paced_ensemble": ("self_paced_ensemble", {}),
}
HEAD = "| trained | seconds | ratio | workers' memory | members |\n| --- | --- | --- | --- | --- |"


def dataset(table: DataFrame) -> Dataset:
    """Return the roles of the demo's columns."""
    from steelyard.dataset import Dataset

    features = tuple(c for c in table.columns if c not in LEFT_OUT)
    texts = tuple(name for name, kind in table.dtypes if kind == "string" and name in features)
    return Dataset(LABEL, features, texts, key=(KEY,), content=features, positive="1", classes=("0", "1"))


def train(name: str, table: DataFrame) -> Any:
    """Return a model that is trained on the table."""
    from steelyard.learning import get_trainer
    from steelyard.under_sampling import RandomUnderSampler

    model, params = TRAINED[name]
    rows = table
    if name == XGBOOST:
        rows = RandomUnderSampler(label_col=LABEL, key_col=KEY, sampling_strategy=0.05).fit_resample(table)
    return get_trainer(model, params).fit(rows, rows.limit(0), dataset(table), original_train=table)


def trials(table: DataFrame, names: list[str]) -> Iterator[str]:
    """Yield a line for each training."""
    train(XGBOOST, table.limit(20_000))  # starts workers
    base = None
    for name in names:
        start = time.perf_counter()
        with Memory() as memory:
            model = train(name, table)
        spent = time.perf_counter() - start
        base = spent if name == XGBOOST else base
        ratio = f"{spent / base:.2f}" if base else ""
        yield f"| {name} | {spent:.1f} | {ratio} | {memory.peak:.0f} MiB | {model.summary.get('members', '')} |"


def main() -> None:
    """Run and print a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--names", nargs="+", choices=TRAINED, default=list(TRAINED))
    given = parser.parse_args()
    from steelyard.datasets import make_card_transactions

    where, spark = conditions(), session()
    print(f"{given.rows:,} rows. {where}\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "cards"))
        make_card_transactions(spark, rows=given.rows).write.parquet(path)
        for line in trials(spark.read.parquet(path), given.names):
            print(line, flush=True)
    spark.stop()


if __name__ == "__main__":
    sys.exit(main())

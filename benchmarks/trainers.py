"""How good and how fast the trainers are on real tables of a rare class.

    PYTHONPATH=pipelines python benchmarks/trainers.py --data DIR > benchmarks/results/trainers.md

Binary tables, split by hash into 60 % training, 20 % validation and 20 % test rows, with three seeds. Each trainer
learns with its defaults from unchanged rows, and random forests and logistic regression with balanced weights too.
The table shows means over the seeds: PR area and log loss on test rows (as they come, and after Platt's method fitted
on validation rows), the mean score over the share of positives, and the seconds of `fit`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import average_precision_score, log_loss
from timing import conditions, session

from steelyard.dataset import Dataset
from steelyard.hashing import row_hash
from steelyard.kernels.calibration import fit_platt, log_odds
from steelyard.learning import get_trainer

TABLES = {
    "mammography": ("label", "0", "1"),
    "creditcard_ulb_sample": ("Class", "0", "1"),
    "ai4i2020": ("Machine_failure", "0", "1"),
    "polish_bankruptcy_5y": ("label", "0", "1"),
    "wilt": ("Class", "1", "2"),
}
TRAINERS: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {},
    "random_forest": {},
    "random_forest, balanced": {"class_weight": "balanced"},
    "gradient_boosted_trees": {},
    "logistic_regression": {},
    "logistic_regression, balanced": {"class_weight": "balanced"},
}
HEAD = "| table | model | PR area | log loss | log loss, Platt | mean score / prevalence | fit, s |"
PARTS = ("train", "validation", "test")


def split(df: DataFrame, features: list[str], seed: int) -> dict[str, DataFrame]:
    """Return the three parts of a table."""
    tenth = F.pmod(row_hash(df, features, seed, "benchmark"), F.lit(10))
    part = F.when(tenth < 6, "train").when(tenth < 8, "validation").otherwise("test")
    placed = df.withColumn("part", part).cache()
    return {name: placed.where(F.col("part") == name).drop("part") for name in PARTS}


def judged(model: Any, parts: Mapping[str, DataFrame], label: str, positive: str) -> dict[str, float]:
    """Return the metrics of a model on test rows."""
    found = {}
    for part in ("validation", "test"):
        truth = (F.col(label).cast("string") == positive).cast("int").alias("y")
        scored = model.predict(parts[part]).select(truth, F.col("probabilities")[1].alias("p")).toPandas()
        found[part] = scored.sort_values("p", ascending=False)
    stop, test = found["validation"], found["test"]
    y = stop.y.to_numpy(dtype=float)
    slope, intercept = fit_platt(stop.p.to_numpy(), y, 1 - y)
    platt = 1 / (1 + np.exp(-(slope * log_odds(test.p.to_numpy()) + intercept)))
    return {
        "pr": float(average_precision_score(test.y, test.p)),
        "loss": float(log_loss(test.y, np.clip(test.p, 1e-12, 1 - 1e-12))),
        "platt": float(log_loss(test.y, np.clip(platt, 1e-12, 1 - 1e-12))),
        "mean": float(test.p.mean() / test.y.mean()),
    }


def trials(spark: SparkSession, folder: Path, seeds: int, models: list[str]) -> Iterator[dict[str, Any]]:
    """Yield a record for each table, seed and trainer."""
    for name, (label, negative, positive) in TABLES.items():
        df = spark.read.parquet(str(folder / f"{name}.parquet"))
        features = [c for c in df.columns if c != label]
        texts = tuple(c for c, kind in df.select(features).dtypes if kind == "string")
        classes = (negative, positive)
        data = Dataset(label, tuple(features), texts, content=tuple(features), positive=positive, classes=classes)
        for seed in range(seeds):
            parts = split(df, features, seed)
            for trainer, how in ((m, TRAINERS[m]) for m in models):
                start = time.perf_counter()
                made = get_trainer(trainer.partition(",")[0], seed=seed, **how)
                model = made.fit(parts["train"], parts["validation"], data, original_train=parts["train"])
                spent = time.perf_counter() - start
                yield {"table": name, "model": trainer, **judged(model, parts, label, positive), "seconds": spent}
            spark.catalog.clearCache()
        print(name, file=sys.stderr, flush=True)


def main() -> None:
    """Run and print a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=TRAINERS, default=list(TRAINERS))
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is not a folder: this benchmark needs the real tables {', '.join(TABLES)}")
    where, spark = conditions(), session()
    get_trainer("random_forest").model_class()  # imports are not a trainer's time
    found = pd.DataFrame(trials(spark, given.data, given.seeds, given.models))
    print(f"# Trainers on real tables\n\n{where}\nScript: `benchmarks/trainers.py`; means of {given.seeds} seeds.\n")
    print(f"{HEAD}\n|{' --- |' * 7}")
    means = found.groupby(["table", "model"], sort=False).mean()
    for (table, model), row in means.iterrows():
        shown = f"{row.pr:.3f} | {row.loss:.4f} | {row.platt:.4f} | {row['mean']:.2f} | {row.seconds:.1f}"
        print(f"| {table} | {model} | {shown} |")
    spark.stop()


if __name__ == "__main__":
    main()

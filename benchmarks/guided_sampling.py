"""Guided against uniform sampling of negatives at the same number of rows: PR area, log loss, rows and seconds.

    PYTHONPATH=pipelines python benchmarks/guided_sampling.py --data DIR [--tables wilt] [--split 0] [--spark]

Every table has 20 positives, and five negatives or more for each; of several classes, one is against the rest. 70 % of
the rows train (at most 200,000) and 30 % test, divided at random for each seed, or once by `--split`; of the fraud
table, the first 24 of 30 days train. XGBoost grows 200 trees of depth 6. Uniform sampling is corrected in closed form;
guided sampling trains with offsets and needs no correction. "30,000" is the default of `min_rows`, where the table has
more.
`--spark` adds rows that `GuidedUnderSampler` draws with Spark, at 5:1, for the first seed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy import stats
from sklearn.metrics import average_precision_score, log_loss

from steelyard.deciding import Prior
from steelyard.kernels.guided import keeping_weights

Array = np.ndarray[Any, Any]
TABLES = {
    "fraud_handbook_apr2018": ("TX_FRAUD", "1"),
    "cover_2v4": ("label", "1"),
    "cdc_diabetes_half": ("Diabetes_012", "1"),
    "creditcard_ulb_trunc40pct": ("Class", "1"),
    "shuttle": ("label", "Fpv Open"),
    "creditcard_ulb_sample": ("Class", "1"),
    "mammography": ("label", "1"),
    "ai4i2020": ("Machine_failure", "1"),
    "thyroid_ann": ("label", "A"),
    "polish_bankruptcy_5y": ("label", "1"),
    "wilt": ("Class", "2"),
    "yeast": ("label", "ME2"),
    "oil_spill": ("label", "1"),
    "ecoli": ("label", "imU"),
}
TIME = "TX_DATETIME"
DAYS = 24
MOST_ROWS = 200_000
LEAST_ROWS = 30_000
FEWEST = 20  # positives of a table
PARAMS = {"objective": "binary:logistic", "learning_rate": 0.1, "max_depth": 6, "nthread": 1}
PILOT = {**PARAMS, "max_depth": 4}
METHODS = ("plain", "uniform 20:1", "guided 20:1", "uniform 5:1", "guided 5:1", "uniform 30,000", "guided 30,000")
_NO_FEATURES = (
    *("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID", "TX_FRAUD_SCENARIO", "TX_TIME_SECONDS", "TX_TIME_DAYS", "split"),
    *(TIME,),
)


@dataclass(frozen=True)
class Table:
    """Features and labels, and how many of the first rows train where they are in order of time."""

    x: Array
    y: Array
    first: int | None = None

    def parts(self, split: int) -> tuple[Array, Array]:
        """Return the places of training and of test rows."""
        if self.first is not None:
            return np.arange(self.first), np.arange(self.first, len(self.y))
        train, test = np.split(np.random.default_rng(split).permutation(len(self.y)), [int(0.7 * len(self.y))])
        return train[:MOST_ROWS], test


def read(folder: Path, name: str) -> Table:
    """Return a table, categories as numbers."""
    small = name.startswith("keel/")
    label, positive = ("label", "1") if small else TABLES[name]
    frame = pd.read_parquet(folder / f"{name}.parquet")
    first = None
    if TIME in frame:
        frame = frame.sort_values(TIME, kind="stable")
        first = int((frame[TIME].dt.day <= DAYS).sum())
    y = (frame.pop(label).astype(str) == positive).to_numpy().astype(int)
    frame = frame.drop(columns=[c for c in _NO_FEATURES if c in frame])
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].apply(lambda c: c.astype("category").cat.codes)
    return Table(frame.to_numpy(dtype=np.float32), y, first)


def wanted_negatives(y: Array, method: str) -> int:
    """Return how many negatives a method keeps, if there are so many."""
    how = method.partition(" ")[2]
    positives = int(y.sum())
    return int(how[:-2]) * positives if how.endswith(":1") else max(LEAST_ROWS, 6 * positives) - positives


def sampled(x: Array, y: Array, method: str, seed: int) -> tuple[Array, Array]:
    """Return the places of the rows to learn from, and the offset of each."""
    rng = np.random.default_rng(seed)
    negatives = np.flatnonzero(y == 0)
    wanted = wanted_negatives(y, method)
    guided = method.startswith("guided")
    weights = keeping_weights(pilot_scores(x, y, rng), float(y.mean())) if guided else np.ones(len(y))
    position = rng.random(len(y)) / weights
    ordered = negatives[np.argsort(position[negatives], kind="stable")]
    chosen = np.concatenate([np.flatnonzero(y == 1), ordered[:wanted]])
    return chosen, -np.log(np.minimum(1.0, position[ordered[wanted]] * weights[chosen]))


def pilot_scores(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Return the scores of a model of all positives and as many negatives."""
    positives = np.flatnonzero(y == 1)
    bag = np.concatenate([positives, rng.choice(np.flatnonzero(y == 0), len(positives), replace=False)])
    model = xgb.train(PILOT, xgb.QuantileDMatrix(x[bag], y[bag]), 50)
    return np.asarray(model.inplace_predict(x)).astype(float)


def scores(x: Array, y: Array, chosen: Array, offset: Array | None, test: Array) -> Array:
    """Return the probabilities of test rows: by offsets, or else corrected for the share of negatives learned from."""
    share = float(np.float32(y.mean()))
    margin = None if offset is None else np.log(share / (1 - share)) + offset
    start = {} if offset is None else {"base_score": share}
    model = xgb.train({**PARAMS, **start}, xgb.QuantileDMatrix(x[chosen], y[chosen], base_margin=margin), 200)
    found = np.asarray(model.inplace_predict(test)).astype(float)
    rate = (len(chosen) - y.sum()) / (len(y) - y.sum())
    return found if offset is not None else Prior(1.0, rate).apply_numpy(found)


def judged(y: Array, p: Array, started: float, rows: int) -> dict[str, Any]:
    """Return the figures of the probabilities of test rows."""
    seconds = perf_counter() - started
    figures = {"area": average_precision_score(y, p), "loss": log_loss(y, np.clip(p, 1e-12, 1 - 1e-12))}
    return {"rows": rows, **figures, "mean": p.mean() / y.mean(), "seconds": seconds}


def trials(table: Table, seeds: int, split: int | None, spark: bool) -> Iterator[dict[str, Any]]:
    """Yield a record for each seed and method that leaves rows out."""
    for seed in range(seeds):
        train, test = table.parts(seed if split is None else split)
        x, y, unseen = table.x[train], table.y[train], table.x[test]
        for method in METHODS:
            plain = method == "plain"
            if not plain and wanted_negatives(y, method) >= len(y) - y.sum():
                continue
            started = perf_counter()
            chosen, offset = (np.arange(len(y)), None) if plain else sampled(x, y, method, seed)
            p = scores(x, y, chosen, offset if method.startswith("guided") else None, unseen)
            yield {"method": method, "seed": seed, **judged(table.y[test], p, started, len(chosen))}
        if spark and seed == 0:
            started = perf_counter()
            p = scores(x, y, *spark_sampled(x, y), unseen)
            yield {"method": "guided 5:1, Spark", "seed": seed, **judged(table.y[test], p, started, int(6 * y.sum()))}


def spark_sampled(x: Array, y: Array) -> tuple[Array, Array]:
    """Return what `sampled` returns for "guided 5:1", drawn by `GuidedUnderSampler` with Spark."""
    from pyspark.sql import SparkSession

    from steelyard.learning import GuidedUnderSampler

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    features = [f"f{i}" for i in range(x.shape[1])]
    frame = pd.DataFrame(x, columns=features).assign(y=y, place=np.arange(len(y)))
    sampler = GuidedUnderSampler(
        label_col="y", features_col=features, key_col="place", sampling_strategy=0.2, min_rows=0
    )
    kept = sampler.fit_resample(spark.createDataFrame(frame)).select("place", "sampling_offset").toPandas()
    kept = kept.sort_values("place")
    return kept["place"].to_numpy(), kept["sampling_offset"].to_numpy()


def print_trials(found: pd.DataFrame) -> None:
    """Print the means of each table and method."""
    print("| table | method | rows | PR area | log loss | mean score / prevalence | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (table, method), row in found.groupby(["table", "method"], sort=False).mean(numeric_only=True).iterrows():
        numbers = f"{row['rows']:,.0f} | {row['area']:.4f} | {row['loss']:.5f} | {row['mean']:.2f}"
        print(f"| {table} | {method} | {numbers} | {row['seconds']:.2f} |")


def print_differences(found: pd.DataFrame) -> None:
    """Print the paired differences of guided sampling, with 95 % t intervals over the seeds."""
    print("\n| table | rows | guided - uniform: PR area | log loss | guided - plain: PR area | log loss |")
    print("| --- | --- | --- | --- | --- | --- |")
    for table, rows in found.groupby("table", sort=False):
        of = {method: part.set_index("seed") for method, part in rows.groupby("method")}
        for how in ("20:1", "5:1", "30,000"):
            if f"guided {how}" not in of:
                continue
            others = (of[f"uniform {how}"], of["plain"])
            shown = [
                interval(of[f"guided {how}"][of_what] - o[of_what]) for o in others for of_what in ("area", "loss")
            ]
            print(f"| {table} | {how} | {' | '.join(shown)} |")


def interval(gaps: Any) -> str:
    """Return the mean of paired differences and half the width of its 95 % t interval."""
    values = gaps.dropna().to_numpy()
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{values.mean():+.4f} ± {half:.4f}"


def print_small(found: pd.DataFrame) -> None:
    """Print the small tables in one line for each method: means over those in which all methods leave rows out."""
    means = found.groupby(["table", "method"])[["rows", "area", "loss", "mean", "seconds"]].mean().unstack()
    for how in ("20:1", "5:1"):
        methods = ["plain", f"uniform {how}", f"guided {how}"]
        if not {*methods} <= {*means["area"].columns}:
            continue
        whole = means["area"][methods].dropna().index
        better = (means["area"][f"guided {how}"] > means["area"][f"uniform {how}"]).loc[whole].sum()
        print(f"\n{len(whole)} tables at {how}; guided sampling has the larger PR area in {better}:\n")
        part = found[found["table"].isin(whole) & found["method"].isin(methods)]
        print_trials(part.assign(table="small tables"))


def main() -> None:
    """Run and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=[*TABLES, "keel"], default=[*TABLES, "keel"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--split", type=int, help="divide the rows by this seed in all trials")
    parser.add_argument("--spark", action="store_true", help="also draw rows with Spark, once for each table")
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: this benchmark needs the real tables {', '.join(given.tables)}")
    records: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    keel = sorted(given.data.glob("keel/*.parquet")) if "keel" in given.tables else []
    for name in [*(t for t in given.tables if t != "keel"), *(f"keel/{path.stem}" for path in keel)]:
        small, table = name.startswith("keel/"), read(given.data, name)
        if (table.y == 0).sum() >= 5 * table.y.sum() >= 5 * FEWEST:
            found = trials(table, given.seeds, given.split, given.spark and not small)
            records[small] += [{"table": name, **record} for record in found]
            print(name, file=sys.stderr)
    if records[False]:
        print_trials(pd.DataFrame(records[False]))
        print_differences(pd.DataFrame(records[False]))
    if records[True]:
        print_small(pd.DataFrame(records[True]))


if __name__ == "__main__":
    main()

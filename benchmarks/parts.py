"""Exact splits, metrics, scoring and starts, each with its best peer, in one run: seconds and ratios.

    python benchmarks/parts.py split --rows 10000000 100000000
    python benchmarks/parts.py metrics --rows 100000000
    python benchmarks/parts.py score --rows 10000000
    python benchmarks/parts.py starts

`split`: the plan of an exact split 80/20 with a key column, next to a plain read of key and label; and all rows with
their side, next to a window that numbers the rows of each class and Spark's `sampleBy`, which is not exact. Class
counts are known before, as in a run; computed rows go nowhere (`noop`). `metrics`: all metrics with intervals next to
Spark ML's two areas alone. `score`: `steelyard score` of a trained run in a warm session, next to pandas and XGBoost
in this process with the same preprocessing, both from Parquet to Parquet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import start
from one_process import pipeline
from samplers import keyed, nowhere
from timing import HEAD, OURS, Memory, Row, in_turns, seconds, session, show

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SLOW_PEERS = 10_000_000  # rows up to which a window and Spark ML's evaluators run: both sort all rows


def split(spark: SparkSession, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Exact splits of a table with a key, two classes and twenty."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    from steelyard.dataset import Dataset
    from steelyard.splitting import apply_folds, holdout
    from steelyard.stats import class_counts

    for n in options.rows:
        for classes in (2, 20):
            path = str(folder / f"keyed{n}_{classes}.parquet")
            keyed(spark, n, classes, 0, rare=0.01 if classes == 2 else 0.0).write.mode("overwrite").parquet(path)
            df = spark.read.parquet(path)
            counts = class_counts(df, "label").counts
            planned = partial(holdout, df, Dataset("label", (), key=("id",)), counts, 0.2)
            narrow = df.select("id", "label")
            numbered = F.row_number().over(Window.partitionBy("label").orderBy(F.xxhash64("id")))
            shares = {int(c): 0.2 for c in counts}
            what = f"{n:,} rows, {classes} classes"
            runs = {"plain read": lambda narrow=narrow: nowhere(narrow), OURS: planned}
            yield Row(f"plan of a split 80/20, {what}", in_turns(runs, options.repeats), "≤ 2.0")
            # ruff: noqa: B023 -- all are used before the next turn
            window = {"window": lambda: nowhere(narrow.withColumn("n", numbered))} if n <= SLOW_PEERS else {}
            runs = {
                **window,
                "sampleBy": lambda: nowhere(narrow.sampleBy("label", shares, seed=0)),
                OURS: lambda: nowhere(apply_folds(narrow, planned())),
            }
            yield Row(f"plan and side of each row, {what}", in_turns(runs, options.repeats), "≤ 0.2 of the window")


def metrics(spark: SparkSession, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """All metrics with intervals of scored rows, one positive in a hundred."""
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.sql import functions as F

    from steelyard.hashing import row_hash
    from steelyard.metrics import evaluate

    for n in options.rows:
        path = str(folder / f"scored{n}.parquet")
        drawn = keyed(spark, n, 2, 1, rare=0.01)
        drawn.select("id", "label", F.pow("f0", 3.0 - 2.0 * F.col("label")).alias("score")).write.mode(
            "overwrite"
        ).parquet(path)
        df = spark.read.parquet(path)
        bucket = (row_hash(df, ["id"], 0, "bucket") % 200).cast("int")

        def ours(df: Any = df, bucket: Any = bucket) -> None:
            evaluate(df, classes=("0", "1"), positive="1", bucket=bucket, decision=None, threshold=0.5)

        def areas(df: Any = df) -> None:
            for name in ("areaUnderPR", "areaUnderROC"):
                judge = BinaryClassificationEvaluator(rawPredictionCol="score", labelCol="label", metricName=name)
                judge.evaluate(df)

        with Memory() as memory:
            peer = {"Spark ML, two areas": areas} if n <= SLOW_PEERS else {}
            found = in_turns({**peer, OURS: ours}, options.repeats)
        yield Row(f"all metrics with intervals, {n:,} scored rows", found, "≤ 1.0", str(memory))


def score(spark: SparkSession, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Scoring a table of the demo with a model of 200 trees."""
    from steelyard.stages.commands.score import score_table

    run = trained(spark, folder)
    for n in options.rows:
        table = cards(spark, folder, n)
        out = str(folder / "ours")
        runs = {
            "one process": partial(score_here, run, table, str(folder / "theirs.parquet")),
            OURS: partial(score_table, spark, run, table, out, overwrite=True),
        }
        yield Row(f"score, {n:,} rows, 12 features", in_turns(runs, options.repeats), "≤ 1.5")


def cards(spark: SparkSession, folder: Path, n: int) -> str:
    """Return a table of card transactions, made unless it is there."""
    from steelyard.datasets import make_card_transactions

    path = folder / f"cards{n}.parquet"
    if not (path / "_SUCCESS").exists():
        make_card_transactions(spark, rows=n).write.mode("overwrite").parquet(str(path))
    return str(path)


def trained(spark: SparkSession, folder: Path) -> str:
    """Return the directory of a run on 100,000 card transactions."""
    from steelyard.config import load
    from steelyard.stages import Context, run_pipeline, start_run
    from steelyard.store import Store

    config = load(pipeline(cards(spark, folder, 100_000)))
    run = start_run(Store(tempfile.mkdtemp(dir=folder)), config, "r", {})
    run_pipeline(Context(run, config, lambda: spark))
    return str(run.location)


def score_here(run: str, table: str, out: str) -> None:
    """Score a table with the booster of a run, and write key, label, score and decision."""
    import pandas as pd
    import pyarrow.parquet as pq
    import xgboost as xgb

    [model] = Path(run, "model").iterdir()
    features = json.loads((model / "model.json").read_text())["preprocessing"]["features"]
    texts = [f["column"] for f in features if f["kind"] == "category"]
    frame = pq.read_table(table, read_dictionary=texts).to_pandas()
    columns = [column for f in features for column in numbers(frame[f["column"]], f)]
    booster = xgb.Booster(model_file=str(model / "booster.ubj"))
    margins = booster.inplace_predict(np.stack(columns, axis=1), predict_type="margin").astype(float)
    scores = 1 / (1 + np.exp(-margins))
    found = frame[["transaction_id", "is_fraud"]].assign(score=scores, decision=(scores >= 0.5).astype(int))
    pd.DataFrame(found).to_parquet(out)


def numbers(values: Any, feature: dict[str, Any]) -> list[Any]:
    """Return a feature as XGBoost gets it: a number, or a 0 or 1 for each level."""
    if feature["kind"] != "category":
        return [values.to_numpy(dtype=np.float32, na_value=np.nan)]
    codes = values.cat.codes.to_numpy()
    place = {level: i for i, level in enumerate(values.cat.categories)}
    known = [place.get(level, -2) for level in feature["levels"]]
    flags = [codes == code for code in known]
    if feature["other"]:
        flags.append((codes >= 0) & ~np.isin(codes, known))
    if feature["missing"]:
        flags.append(codes < 0)
    return [flag.astype(np.float32) for flag in flags]


def starts(_: SparkSession | None, __: Path, options: argparse.Namespace) -> Iterator[Row]:
    """What runs without Spark: the command's help, and Airflow's parse of a folder of pipelines."""
    command = str(Path(sys.executable).with_name("steelyard"))
    helped = partial(subprocess.run, [command, "--help"], check=True, stdout=subprocess.DEVNULL)
    yield Row("steelyard --help", in_turns({OURS: helped}, options.repeats), "< 0.5 s")
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        (_, nothing), (_, parsed) = (start.parsing(Path(folder), n, options.repeats) for n in (0, 100))
        note = f"processor time beyond the {nothing:.1f} s of Airflow with no pipeline"
        yield Row("DAG file with 100 pipelines", {OURS: parsed - nothing}, "< 3 s", note)
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(root)]
        built = seconds(partial(subprocess.run, build, check=True, capture_output=True))
    yield Row("wheel of `make dist`", {OURS: built})


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["split", "metrics", "score", "starts"])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    spark = None if options.what == "starts" else session()
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for row in globals()[options.what](spark, Path(folder), options):
            show(row)
    if spark is not None:
        spark.stop()


if __name__ == "__main__":
    main()

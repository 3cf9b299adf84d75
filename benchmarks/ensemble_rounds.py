"""What a round of the sequential ensembles costs on a large table, next to one crossing of its features into Python.

    PYTHONPATH=pipelines python benchmarks/ensemble_rounds.py --rows 10000000 [--names A B] [--rounds N] > FILE

Rows are those of `steelyard demo`, 0.2 % of them fraud, read from Parquet; all of them are read in each round, without
a pool and on the executors. A crossing is a `mapInArrow` that sums the features of the training rows: once from the
prepared rows persisted as arrays of floats, which is the fastest that a crossing of such rows can be, and once from the
Parquet table with the preprocessing. Seconds of a round are those of all rounds by their number, those of a crossing
the median of three. Memory is the largest of a Python worker of Spark.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ensembles_large import dataset
from timing import Memory, conditions, seconds, session

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

NAMES = ("rusboost", "smoteboost", "self_paced_ensemble")
HEAD = "| ensemble | round, s | crossing, s | ratio | crossing from Parquet, s | ratio | jobs per round | memory |"


def crossing(features: DataFrame) -> float:
    """Return the median seconds of a crossing."""

    def summed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow
        from pyarrow import compute

        for batch in batches:
            total = compute.sum(batch.column(0).flatten()).as_py() or 0.0
            yield pyarrow.RecordBatch.from_arrays([pyarrow.array([float(total)])], ["total"])

    return statistics.median(seconds(lambda: features.mapInArrow(summed, "total double").collect()) for _ in range(3))


def timed(name: str, params: dict[str, Any]) -> Any:
    """Return a trainer that times crossings of its training rows, and its rounds on the executors."""
    from steelyard.learning import get_trainer

    class Timed(type(get_trainer(name))):  # type: ignore[misc]  # the base is found by name
        def _fit(self, data: Any, start: Any) -> Any:
            features = data.rows.select("features")
            self.from_table = crossing(features)
            kept = features.persist()
            kept.count()
            self.from_memory = crossing(kept)
            kept.unpersist(True)
            return super()._fit(data, start)

        def _run(self, rounds: Any) -> Any:
            tracker = rounds.rows.sparkSession.sparkContext.statusTracker()
            before = len(tracker.getJobIdsForGroup())
            found: list[Any] = []
            self.spent = seconds(lambda: found.append(super(Timed, self)._run(rounds)))
            self.jobs = (len(tracker.getJobIdsForGroup()) - before) / len(found[0][0])
            self.spent /= len(found[0][0])
            return found[0]

    return Timed(params)


def line(name: str, table: DataFrame, rounds: int) -> str:
    """Return a line of the table."""
    trainer = timed(name, {"n_estimators": rounds})
    with Memory() as memory:
        trainer.fit(table, table.limit(0), dataset(table), original_train=table)
    spent, kept, read = trainer.spent, trainer.from_memory, trainer.from_table
    cells = [name, f"{spent:.2f}", f"{kept:.2f}", f"{spent / kept:.2f}", f"{read:.2f}", f"{spent / read:.2f}"]
    return "| " + " | ".join([*cells, f"{trainer.jobs:.1f}", f"{memory.peak:.0f} MiB"]) + " |"


def main() -> None:
    """Run and print a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--names", nargs="+", choices=NAMES, default=list(NAMES))
    given = parser.parse_args()
    from steelyard.datasets import make_card_transactions

    where, spark = conditions(), session()
    print(f"{given.rows:,} rows, {given.rounds} rounds. {where}\n\n{HEAD}\n{'| --- ' * 8}|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "cards"))
        make_card_transactions(spark, rows=given.rows).write.parquet(path)
        for name in given.names:
            print(line(name, spark.read.parquet(path), given.rounds), flush=True)
    spark.stop()


if __name__ == "__main__":
    sys.exit(main())

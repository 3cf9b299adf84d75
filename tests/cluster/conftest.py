"""Two workers, a table in several files, and what a run in one process makes of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from small_pipelines import pipeline, small_table
from standalone import Cluster, spark_cluster

from steelyard.config import PipelineConfig
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.store import RunDir, Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# One executor on each worker, a task for each file, and little patience with a machine that is gone.
SETTINGS = """
spark.executor.cores 1
spark.executor.memory 700m
spark.sql.shuffle.partitions 3
spark.sql.files.maxPartitionBytes 20000
spark.sql.files.openCostInBytes 1024
spark.shuffle.io.maxRetries 1
spark.shuffle.io.retryWait 1s
"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers with room for one executor each."""
    with spark_cluster(tmp_path_factory.mktemp("spark") / "cluster", [1, 1], SETTINGS) as made:
        yield made


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small table as four Parquet files."""
    folder = tmp_path_factory.mktemp("table")
    rows = small_table()
    for i in range(4):
        rows.iloc[i::4].to_parquet(folder / f"{i}.parquet", index=False, coerce_timestamps="us")
    return str(folder)


@pytest.fixture(scope="session")
def config(table: str) -> Callable[..., PipelineConfig]:
    """Return a function that gives the small pipeline, with new rows and a model that takes some seconds."""
    resample = {"method": "smotenc", "sampling_strategy": 0.5, "missing": "impute"}
    train = {"model": "xgboost", "params": {"n_estimators": 400, "max_depth": 4}, "num_workers": 2}

    def made(**sections: Any) -> PipelineConfig:
        return pipeline(table, **{"resample": resample, "train": train, "data": {"cost": COSTS}, **sections})

    return made


COSTS = {"false_negative": "amount", "false_positive": 4.0}


@pytest.fixture(scope="session")
def reference(
    spark: SparkSession, config: Callable[..., PipelineConfig], tmp_path_factory: pytest.TempPathFactory
) -> RunDir:
    """A whole run in this process, which nothing disturbs."""
    made = config()
    run = start_run(Store(tmp_path_factory.mktemp("reference")), made, "r1", {})
    run_pipeline(Context(run, made, lambda: spark))
    return run


@pytest.fixture
def copied(reference: RunDir, tmp_path: Path) -> RunDir:
    """A copy of that run."""
    run = Store(tmp_path / "runs").run("small", "r1")
    shutil.copytree(reference.location, run.location)
    return run

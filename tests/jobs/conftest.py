"""Fixtures of the pipeline tests: small tables, the suite's session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from small_pipelines import small_table

from steelyard.config import PipelineConfig
from steelyard.stages import Context, run_pipeline, run_stage, start_run
from steelyard.store import RunDir, Store

Run = Callable[..., RunDir]


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small table as a Parquet file."""
    path = tmp_path_factory.mktemp("table") / "t.parquet"
    small_table().to_parquet(path, index=False, coerce_timestamps="us")
    return str(path)


@pytest.fixture
def start(spark: SparkSession, tmp_path: Path) -> Callable[..., Context]:
    """Return a function that claims a run and gives its context."""

    def started(config: PipelineConfig, run_id: str = "r1", **how: Any) -> Context:
        run = start_run(Store(tmp_path / "runs"), config, run_id, {}, **how)
        return Context(run, config, lambda: spark)

    return started


@pytest.fixture
def execute(start: Callable[..., Context]) -> Run:
    """Return a function that runs a whole pipeline and gives its directory."""

    def executed(config: PipelineConfig, run_id: str = "r1", **how: Any) -> RunDir:
        ctx = start(config, run_id, **how)
        run_pipeline(ctx, resume=how.get("resume", False))
        return ctx.run

    return executed


@pytest.fixture
def evaluated(start: Callable[..., Context]) -> Run:
    """Return a function that runs the stages which make rows, scores and metrics; guards take a third of a run."""

    def executed(config: PipelineConfig, run_id: str = "r1") -> RunDir:
        ctx = start(config, run_id)
        for stage in ("profile", "split", "resample", "train", "decide", "evaluate"):
            run_stage(ctx, stage)
        return ctx.run

    return executed


@pytest.fixture
def shuffle(spark: SparkSession) -> Iterator[Callable[[int], None]]:
    """Return a function that sets the number of shuffle partitions, without Spark's merging of small ones."""
    names = ("spark.sql.shuffle.partitions", "spark.sql.adaptive.coalescePartitions.enabled")
    before = {name: spark.conf.get(name) for name in names}

    def set_to(count: int) -> None:
        spark.conf.set(names[0], count)
        spark.conf.set(names[1], "false")

    yield set_to
    for name, value in before.items():
        spark.conf.set(name, str(value))

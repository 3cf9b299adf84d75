"""Fixtures of the pipeline tests: small tables, the suite's session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from small_pipelines import small_table

from steelyard.config import PipelineConfig
from steelyard.stages import Context, run_pipeline, start_run
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

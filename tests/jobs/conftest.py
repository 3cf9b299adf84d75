"""Pipelines for tests: small tables, the suite's session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from steelyard.config import PipelineConfig, load
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.store import RunDir, Store

Run = Callable[..., RunDir]


def small_table(rows: int = 1200, seed: int = 0) -> pd.DataFrame:
    """A table with 10 % positives, a category, missing values, a key, a customer, a time and an amount."""
    rng = np.random.default_rng(seed)
    y = (np.arange(rows) % 10 == 0).astype(int)
    x = rng.normal(size=(rows, 2)) + 1.3 * y[:, None]
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "customer": rng.integers(0, 150, rows),
            "t": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.permutation(rows), unit="h"),
            "a": np.where(rng.random(rows) < 0.05, np.nan, x[:, 0]),
            "b": x[:, 1],
            "kind": rng.choice(["web", "shop", None], rows, p=[0.5, 0.4, 0.1]),
            "amount": rng.gamma(2.0, 30.0, rows),
            "y": y,
        }
    )


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small table as a Parquet file."""
    path = tmp_path_factory.mktemp("table") / "t.parquet"
    small_table().to_parquet(path, index=False, coerce_timestamps="us")
    return str(path)


def pipeline(path: str, **sections: Any) -> PipelineConfig:
    """A configuration for the small table; `data` is merged, other sections are replaced."""
    import json

    data = {"path": path, "label": "y", "positive": 1, "key": "id", "exclude": ["customer", "t"]}
    document = {
        "version": 1,
        "name": "small",
        "data": {**data, **sections.pop("data", {})},
        "split": {"method": "stratified", "validation": 0.2, "test": 0.25, "seed": 3},
        "train": {"model": "logistic_regression"},
        **sections,
    }
    return load(json.dumps(document))


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

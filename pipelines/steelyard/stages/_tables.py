"""What the stages do, on a bare table: for commands that need no pipeline."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from steelyard.config import PipelineConfig
from steelyard.frames.pinned import read
from steelyard.splitting import SplitPlan
from steelyard.stages._source import configured_source
from steelyard.stages.profile import describe
from steelyard.stages.split import make_plan, write_splits
from steelyard.store import to_json


def _say_nothing(message: str) -> None:
    """Take a warning that concerns pipelines only."""


def profile_table(spark: SparkSession, config: PipelineConfig) -> dict[str, Any]:
    """Return a table's statistics, as in `stats.json`."""
    return describe(read(spark, configured_source(config.data)), config.data, _say_nothing)


def split_table(spark: SparkSession, config: PipelineConfig, out: str) -> SplitPlan:
    """Write a table's splits to `out/data` and the plan to `out/plan.json`."""
    from steelyard.dataset import Dataset

    df = read(spark, configured_source(config.data))
    statistics = describe(df, config.data, _say_nothing)
    counts = {c: of["count"] for c, of in statistics["classes"].items()}
    plan = make_plan(df, Dataset.from_json(statistics["dataset"]), counts, config.split)
    write_splits(df, plan, f"{out}/data")
    return plan

"""A Spark action that fails in a stage: its error, its log and its outcome name the stage and the step."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline

from steelyard.errors import EngineError
from steelyard.stages import Context, run_stage


def test_error_log_and_outcome_name_stage_and_step(
    spark: SparkSession, table: str, start: Callable[..., Context], caplog: pytest.LogCaptureFixture
) -> None:
    spark.udf.register("divides_by_zero", lambda x: x / 0 > 1, "boolean")
    ctx = start(pipeline(table, data={"where": "divides_by_zero(b)"}))
    with caplog.at_level(logging.INFO, "steelyard"), pytest.raises(EngineError) as error:
        run_stage(ctx, "profile")
    events = [found for r in caplog.records if (found := getattr(r, "steelyard", None)) is not None]
    [logged] = [found for found in events if found["event"] == "failed"]
    outcome = ctx.run.outcome("profile")
    assert outcome is not None and str(error.value) == outcome.message == logged["message"]
    assert logged["stage"] == "profile" and logged["step"].startswith("steelyard.stats.")
    assert str(error.value).startswith(
        f"stage profile failed in {logged['step']}: PythonException: ZeroDivisionError: "
    )

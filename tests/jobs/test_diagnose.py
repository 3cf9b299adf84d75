"""The stage `diagnose`, and what `resample: auto` makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline, replace_document, small_table

from steelyard import report
from steelyard.errors import ConfigError, InputError
from steelyard.stages import Context, run_pipeline, run_stage
from steelyard.stages.commands.check import check
from steelyard.stages.commands.tables import bare_table, resample_table


@pytest.mark.long
def test_auto_takes_what_the_diagnosis_recommends(start: Callable[..., Context], tmp_path: Path) -> None:
    frame = small_table(1800)
    frame["a"] = np.where(frame["y"] == 1, 3.0, 0.0) + np.random.default_rng(0).normal(size=len(frame))
    frame.to_parquet(tmp_path / "t.parquet", index=False, coerce_timestamps="us")
    ctx = start(pipeline(str(tmp_path / "t.parquet"), resample={"method": "auto"}))
    for stage in ("profile", "split"):
        run_stage(ctx, stage)
    with pytest.raises(InputError, match="stage diagnose has not run"):
        run_stage(ctx, "resample")
    outcomes = run_pipeline(ctx, resume=True)
    found, plan = ctx.read("diagnose", "difficulty.json"), ctx.read("resample", "plan.json")
    assert found["class"] == "1" and outcomes["diagnose"].rows["in"] == {"0": 891, "1": 99}
    assert found["types"]["rows"] == found["types"]["sampled"] == 99
    # 99 different rows are one too few: nothing is resampled.
    assert (found["recommendation"]["method"], plan["sampler"]) == ("none", "none")
    assert outcomes["resample"].details["messages"] == ["auto: none"]
    assert "Resampling: none, as recommended (resample.method is auto)." in report.verdict(ctx.run)
    # One row more: the rows made are those that were asked for, and the guard agrees.
    found["recommendation"] |= {"method": "smotenc", "params": {"sampling_strategy": 0.5, "missing": "impute"}}
    replace_document(ctx.run, "diagnose", f"diagnose/{outcomes['diagnose'].attempt}/difficulty.json", found)
    made = run_stage(ctx, "resample")
    assert made.rows["out"] == {"0": 891, "1": 445}
    assert made.details["messages"] == ["auto: smotenc (sampling_strategy = 0.5, missing = impute)"]
    assert ctx.read("resample", "plan.json")["sampler"] == "smotenc"
    run_stage(ctx, "guard_resampled")


def test_auto_takes_no_parameters(table: str) -> None:
    check(pipeline(table, resample={"method": "auto"}))
    with pytest.raises(ConfigError, match="resample.k_neighbors: with method auto, the diagnosis chooses"):
        check(pipeline(table, resample={"method": "auto", "k_neighbors": 3}))


def test_auto_on_a_bare_table_diagnoses_it_first(spark: SparkSession, tmp_path: Path) -> None:
    rows = 101_000
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=rows), "y": (np.arange(rows) < 400).astype(int)})
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    config = bare_table(str(tmp_path / "t.parquet"), None, {"resample": {"method": "auto"}}, label="y")
    plan = resample_table(spark, config, str(tmp_path / "out"))
    assert plan.sampler == "random_under_sampler"
    assert {c: of.after for c, of in plan.classes.items()} == {"0": 8000, "1": 400}

"""How much each stage asks Spark for. Seconds cannot be asserted, but work can."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import steelyard
from event_log import SETTINGS, Work, work_of, written_log
from pyspark.sql import SparkSession
from small_pipelines import pipeline
from spark_actions import latest_action, work_after

from steelyard.stages import Context, run_stage
from steelyard.store import Store

# A stage that needs less may have less here; one that needs more must say why.
WORK = {
    "profile": Work(jobs=3, scans=1, shuffles=1, crossings=2),
    "guard_raw": Work(jobs=2, scans=1, shuffles=1, crossings=0),
    "split": Work(jobs=4, scans=2, shuffles=2, crossings=0),
    "guard_split": Work(jobs=2, scans=1, shuffles=1, crossings=2),
    "diagnose": Work(jobs=13, scans=6, shuffles=7, crossings=1),
    "resample": Work(jobs=4, scans=2, shuffles=2, crossings=0),
    "guard_resampled": Work(jobs=2, scans=1, shuffles=1, crossings=0),
    "train": Work(jobs=7, scans=4, shuffles=4, crossings=1),
    "decide": Work(jobs=6, scans=2, shuffles=2, crossings=2),
    "evaluate": Work(jobs=7, scans=4, shuffles=3, crossings=1),
    "guard_scored": Work(jobs=2, scans=1, shuffles=1, crossings=0),
}
WIDE = {
    "profile": Work(jobs=1, scans=1, shuffles=1, crossings=2),
    "split": Work(jobs=1, scans=1, shuffles=1, crossings=0),
    "diagnose": Work(jobs=7, scans=1, shuffles=6, crossings=1),
}
"""Of a table of 300 features, with the settings of the suite's session."""


@pytest.mark.long
@pytest.mark.usefixtures("spark")
def test_no_stage_asks_for_more_than_it_did(table: str, tmp_path: Path) -> None:
    """Random under-sampling, XGBoost and costs on a table with a key, a category and gaps; Spark's own settings."""
    (tmp_path / "log").mkdir()
    config = pipeline(
        table,
        data={"cost": {"false_negative": "amount"}},
        resample={"method": "random_under_sampler", "sampling_strategy": 0.5},
        train={"model": "xgboost", "params": {"n_estimators": 10}},
    ).to_json()
    config["spark"] = {"conf": {**SETTINGS, "spark.eventLog.dir": f"file://{tmp_path}/log"}}
    steelyard("run", json.dumps(config), "--store", tmp_path, "--run-id", "r1")
    found = work_of(written_log(tmp_path / "log"), Store(tmp_path).run("small", "r1"))
    assert found.keys() == WORK.keys()
    for stage, work in found.items():
        assert all(now <= most for now, most in zip(work, WORK[stage], strict=True)), f"{stage}: {work}"


def test_a_wide_table_is_diagnosed_in_one_scan(
    spark: SparkSession, start: Callable[..., Context], tmp_path: Path
) -> None:
    """Each scan of a wide table costs what Spark needs to plan and compile all its columns."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 300)), columns=[f"f{i}" for i in range(300)])
    frame.assign(id=np.arange(300), y=np.arange(300) % 10 == 0).to_parquet(tmp_path / "t.parquet", index=False)
    data = {"positive": True, "exclude": []}
    ctx = start(pipeline(str(tmp_path / "t.parquet"), data=data))
    for stage, most in WIDE.items():
        before = latest_action(spark)
        run_stage(ctx, stage)
        work = work_after(spark, before)
        assert all(now <= limit for now, limit in zip(work, most, strict=True)), f"{stage}: {work}"

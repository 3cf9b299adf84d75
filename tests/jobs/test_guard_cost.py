"""What the guards of a run cost, as the stages call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline

from steelyard.stages import STAGES, Context, run_stage

GAP = {"method": "temporal", "validation": 0.2, "test": 0.25, "gap": "2d"}
GROUPS = {"method": "group", "validation": 0.2, "test": 0.25, "seed": 3}
BEFORE = {"run_id": "before", "date": "2020-01-01T00:00:00+00:00", "classes": {"0": 1090, "1": 110}}
SMOTENC = {"method": "smotenc", "missing": "impute", "sampling_strategy": 0.3}


def latest_action(spark: SparkSession) -> int:
    """Return the number of the session's latest action: Spark forgets old ones, so that their count stands still."""
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    actions = spark._jsparkSession.sharedState().statusStore().executionsList()
    return int(actions.last().executionId()) if actions.nonEmpty() else -1


@pytest.mark.parametrize(
    ("data", "split"),
    [
        ({"time": "t", "exclude": ["customer"]}, GAP),
        ({"group": "customer", "exclude": ["t"]}, GROUPS),
    ],
    ids=["temporal with a gap", "grouped"],
)
def test_each_suite_takes_two_actions_at_most(
    spark: SparkSession, start: Callable[..., Context], table: str, data: dict[str, Any], split: dict[str, Any]
) -> None:
    ctx = start(pipeline(table, data=data, split=split, resample=SMOTENC))
    ctx.run.beside("_accepted").write_json("20200101T000000_before.json", BEFORE)
    actions, left_out = {}, {}
    for stage in STAGES[: STAGES.index("guard_scored") + 1]:
        before = latest_action(spark)
        run_stage(ctx, stage)
        if stage.startswith("guard_"):
            actions[stage] = latest_action(spark) - before
            report = ctx.read(stage, f"{stage.removeprefix('guard_')}.json", "guards")
            assert report["success"], [r["message"] for r in report["results"] if not r["success"]]
            left_out[stage] = {x["parameter"] for x in report["left_out"]}
    assert actions == {"guard_raw": 1, "guard_split": 2, "guard_resampled": 2, "guard_scored": 1}
    assert left_out["guard_raw"] == left_out["guard_resampled"] == left_out["guard_scored"] == set()

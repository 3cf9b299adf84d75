"""What the guards of a run cost, as the stages call them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from long_cases import thinned
from pyspark.sql import SparkSession
from small_pipelines import pipeline
from spark_actions import latest_action

from steelyard.guards import GuardReport, run_guard
from steelyard.hashing import divided_groups
from steelyard.sampling import IS_SYNTHETIC
from steelyard.stages import STAGES, Context, run_stage
from steelyard.stages._source import dataset, sampling_plan, training_rows
from steelyard.stages.guard_resampled import _all_rows, _side_by_side

GAP = {"method": "temporal", "validation": 0.2, "test": 0.25, "gap": "2d"}
GROUPS = {"method": "group", "validation": 0.2, "test": 0.25, "seed": 3}
TEMPORAL = ({"time": "t", "exclude": ["customer"]}, GAP)
GROUPED = ({"group": "customer", "exclude": ["t"]}, GROUPS)
BEFORE = {"run_id": "before", "date": "2020-01-01T00:00:00+00:00", "classes": {"0": 1090, "1": 110}}
SMOTENC = {"method": "smotenc", "missing": "impute", "sampling_strategy": 0.3}
DOMAIN = {"a": {"derived": "b * 2"}, "amount": {"integer": True, "max": 80}, "kind": {"immutable": True}}


@pytest.mark.parametrize(
    ("data", "split"),
    thinned([TEMPORAL, GROUPED], [TEMPORAL]),
    ids=["temporal with a gap", "grouped"],
)
def test_each_suite_reads_the_table_once(
    spark: SparkSession,
    start: Callable[..., Context],
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    data: dict[str, Any],
    split: dict[str, Any],
) -> None:
    actions: dict[str, int] = {}

    def counting(checkpoint: str, *args: Any, **how: Any) -> GuardReport:
        before = latest_action(spark)
        report = run_guard(checkpoint, *args, **how)
        actions[checkpoint] = latest_action(spark) - before
        assert report.success, report.summary()
        asked_for = {o["parameter"] for o in report.left_out} - {"leak_area_max"}
        assert checkpoint == "split" or not asked_for, "everything that can be judged"
        return report

    # Around the guard itself: a stage also looks whether the pinned files are as they were.
    monkeypatch.setattr("steelyard.stages._guarding.run_guard", counting)
    ctx = start(pipeline(table, data={**data, "domain": DOMAIN}, split=split, resample=SMOTENC))
    ctx.run.sibling("_accepted").write_json("20200101T000000_before.json", BEFORE)
    for stage in STAGES[: STAGES.index("guard_scored") + 1]:
        run_stage(ctx, stage)
    # Spark formats the times of a temporal split: one more action, on a few local rows.
    assert actions == {"raw": 1, "split": 1 + ("time" in data), "resampled": 1, "scored": 1}
    names = [dataset(ctx).label, *dataset(ctx).features]
    seen, expected = (rows(ctx, names, "part").collect() for rows in (_all_rows, _side_by_side))
    assert sorted(map(str, seen)) == sorted(map(str, expected)), "the rows that a model sees, and those beside them"
    made = [r for r in seen if r[IS_SYNTHETIC]]
    assert made and all(r.a == r.b * 2 and r.amount <= 80 and r.amount == round(r.amount) for r in made)
    found = ctx.run.read_json(f"guards/{ctx.run.outcome('guard_resampled').attempt}/resampled.json")["results"]
    [seen_domain] = [r["observed"] for r in found if r["expectation"] == "expect_synthetic_rows_within_domain"]
    assert seen_domain["broken"] == {} and set(seen_domain["original"]) == {"a", "amount"}


@pytest.mark.long
def test_rows_of_divided_groups_are_those_that_a_model_sees(
    spark: SparkSession, start: Callable[..., Context], tmp_path: Path
) -> None:
    """Without a key, equal rows share a position; groups of many are divided, and their rows are numbered."""
    rows = spark.range(1200).selectExpr("cast(id % 6 = 0 as int) y", "cast(id % 3 as double) a", "id % 2 b")
    rows.write.parquet(str(tmp_path / "t.parquet"))
    data = {"key": [], "exclude": []}
    how = {"method": "random_under_sampler", "sampling_strategy": 0.5}
    ctx = start(pipeline(str(tmp_path / "t.parquet"), data=data, resample=how))
    for stage in ("profile", "split", "diagnose", "resample"):
        run_stage(ctx, stage)
    assert divided_groups({c: [of.cut] for c, of in sampling_plan(ctx).classes.items() if of.cut is not None})
    names = ["y", "a", "b"]
    judged = _all_rows(ctx, names, "part")
    seen = training_rows(ctx).select(*names, IS_SYNTHETIC).collect()
    assert sorted(map(str, judged.where("part = 'train'").drop("part").collect())) == sorted(map(str, seen))

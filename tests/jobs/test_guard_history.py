"""Labels held against the runs that were accepted before, and what a warning is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline, small_table

from steelyard.config import load
from steelyard.errors import GuardError, InputError
from steelyard.stages import Context, run_stage, start_run
from steelyard.stages._history import Reference, accept, data_date, reference
from steelyard.store import Outcome, Store, now

Begin = Callable[..., Context]


@pytest.fixture
def warnings() -> list[str]:
    """What users are warned of."""
    return []


@pytest.fixture
def begin(spark: SparkSession, tmp_path: Path, table: str, warnings: list[str]) -> Begin:
    """Return a function that gives the context of a run with its date."""

    def begun(run_id: str, date: str | None = None, path: str = table, **sections: Any) -> Context:
        given = {} if date is None else {"date": date}
        config = pipeline(path, **sections)
        run = start_run(Store(tmp_path / "runs"), config, run_id, given)
        return Context(run, config, lambda: spark, warnings.append)

    return begun


def profiled(ctx: Context, **counts: int) -> Context:
    """Execute the stage `profile`, or publish the given counts as its result: that of a table nobody has to read."""
    if not counts:
        run_stage(ctx, "profile")
    else:
        stats = {"classes": {c: {"count": n} for c, n in counts.items()}}
        ctx.run.write_json("profile/a/stats.json", stats)
        ctx.run.publish(Outcome("profile", "done", "a", now(), now()), ["profile/a"])
    return ctx


def test_the_reference_is_the_latest_accepted_run_of_earlier_data(begin: Begin) -> None:
    for day, run_id, rows in (("01", "first", 10), ("03", "third", 30), ("02", "backfill", 20)):
        ctx = profiled(begin(run_id, f"2026-01-{day}"), **{"0": 100, "1": rows})
        before = reference(ctx)
        assert before == (None if day == "01" else Reference({"0": 100, "1": 10}, "run first (data of 2026-01-01)"))
        accept(ctx)
    again = profiled(begin("third_again", "2026-01-03T00:00:00Z"), **{"0": 100, "1": 30})
    assert reference(again) == Reference({"0": 100, "1": 20}, "run backfill (data of 2026-01-02)")
    late = profiled(begin("late", "20260103T120000"), **{"0": 100, "1": 30})
    assert reference(late) == Reference({"0": 100, "1": 30}, "run third (data of 2026-01-03)")
    names = ctx.run.sibling("_accepted").files("")
    assert names == ["20260101T000000_first.json", "20260102T000000_backfill.json", "20260103T000000_third.json"]
    with pytest.raises(InputError, match="run id '_accepted'"):
        begin("_accepted")


def test_a_run_that_is_done_anew_is_accepted_no_more(begin: Begin) -> None:
    ctx = profiled(begin("r", "2026-01-01"))
    accept(ctx)
    accept(ctx)
    assert len(ctx.run.sibling("_accepted").files("")) == 1
    run_stage(ctx, "guard_raw")
    assert ctx.run.sibling("_accepted").files("") == []


def test_the_date_of_the_data(begin: Begin) -> None:
    by_time = profiled(begin("by_time", data={"time": "t", "exclude": ["customer"]}))
    last = small_table()["t"].max()
    assert data_date(by_time).isoformat() == f"{last.isoformat()}+00:00"
    assert data_date(profiled(begin("given", "2026-02-01"), a=1)).isoformat() == "2026-02-01T00:00:00+00:00"
    ctx = profiled(begin("neither"), a=1)
    assert data_date(ctx).isoformat()[:19] == ctx.run.manifest()["created"][:19]
    with pytest.raises(InputError, match="the variable date is 'yesterday', which is not a date"):
        data_date(profiled(begin("odd", "yesterday"), a=1))


def test_a_class_that_loses_its_share_stops_and_the_run_is_named(begin: Begin) -> None:
    accept(profiled(begin("before", "2026-01-01"), **{"0": 2000, "1": 8000}))
    ctx = profiled(begin("now", "2026-01-02"))
    with pytest.raises(GuardError, match=r"class '1' has 120 of 1,200 rows \(10 %\) instead of 80 %") as caught:
        run_stage(ctx, "guard_raw")
    assert "differ from run before (data of 2026-01-01)" in str(caught.value)
    assert profiled(begin("accepted", "2026-01-02")) and len(ctx.run.sibling("_accepted").files("")) == 1


def test_a_warning_is_reported_and_goes_on(begin: Begin, tmp_path: Path, warnings: list[str]) -> None:
    file = tmp_path / "reference.json"
    file.write_text(json.dumps({"classes": {"0": 700, "1": 300}}), encoding="utf-8")
    ctx = profiled(begin("warned", guards={"reference": str(file)}))
    outcome = run_stage(ctx, "guard_raw")
    assert outcome.done and len(outcome.details["failed"]) == 1
    said = "the classes of column 'y' differ from reference.json: PSI is 0.27"
    assert said in outcome.details["failed"][0]
    assert any(said in w and w.startswith("raw guard: ") for w in warnings)
    report = ctx.run.read_json(outcome.details["report"])
    assert report["success"]
    assert [r["severity"] for r in report["results"] if not r["success"]] == ["warning"]
    assert run_stage(ctx, "split").done
    run_stage(ctx, "report")
    assert "Guard “raw” warns" in ctx.run.read_text("report.html")
    strict = begin("strict", guards={"reference": str(file), "parameters": {"class_change_max": 0.5}})
    with pytest.raises(GuardError, match="class '1' has"):
        run_stage(profiled(strict), "guard_raw")


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "can't be read"), ("[]", "such as"), ('{"classes": {"0": "many"}}', "for class '0' it has 'many'")],
)
def test_a_reference_that_is_none(begin: Begin, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "reference.json"
    file.write_text(content, encoding="utf-8")
    ctx = profiled(begin("odd", guards={"reference": str(file)}), a=1)
    with pytest.raises(InputError, match=said):
        reference(ctx)


def test_a_reference_is_found_beside_its_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "{version: 1, name: p, data: {path: /t, label: y}, guards: {reference: ref.json}}", encoding="utf-8"
    )
    assert load(file).guards.reference == str(tmp_path / "ref.json")


def test_rows_reach_the_quarantine_when_asked_for(begin: Begin, tmp_path: Path, warnings: list[str]) -> None:
    frame = small_table(400)
    frame["y"] = frame["y"].astype("Int64").mask(frame["id"].isin([3, 5, 7]))
    path = str(tmp_path / "t.parquet")
    frame.to_parquet(path, index=False, coerce_timestamps="us")
    for asked in (False, True):
        ctx = profiled(begin(f"asked_{asked}", path=path, guards={"quarantine": asked}))
        with pytest.raises(GuardError, match=r"3 of 400 rows; expected none \(rows of id = 3; id = 5; id = 7\)"):
            run_stage(ctx, "guard_raw")
        outcome = ctx.run.outcome("guard_raw")
        assert outcome is not None
        folder = f"guards/{outcome.attempt}/quarantine/expect_no_null_labels"
        assert ctx.run.exists(folder) is asked
        assert outcome.details.get("quarantine", []) == ([folder] if asked else [])
    aside = pd.read_parquet(f"{ctx.run.location}/{folder}")
    assert aside["id"].tolist() == [3, 5, 7]
    assert list(aside.columns) == list(frame.columns)
    assert any(folder in w for w in warnings)

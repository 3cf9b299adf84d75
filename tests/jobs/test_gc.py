"""`steelyard gc` on runs of a real pipeline: three days, the last of them stopped by a guard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import steelyard, steelyard_here
from pyspark.sql import SparkSession
from small_pipelines import pipeline

from steelyard.config import STAGES
from steelyard.errors import GuardError
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.stages._context import run_config
from steelyard.stages._history import accept
from steelyard.stages.commands.current import find_run
from steelyard.store import Store


@pytest.fixture(scope="module")
def runs(spark: SparkSession, table: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the runs r1, r2 (both accepted) and r3 (refused)."""
    store = Store(tmp_path_factory.mktemp("runs"))

    def begin(day: int, **guards: Any) -> Context:
        config = pipeline(table, guards=guards)
        run = start_run(store, config, f"r{day}", {"date": f"2026-01-0{day}"})
        return Context(run, config, lambda: spark)

    run_pipeline(begin(1))
    # The next day's run on equal data.
    second = begin(2).run
    content = store.run("small", "r1")
    for file in content.files(""):
        if file != "run.json":
            second.write_bytes(file, content.read_bytes(file))
    accept(Context(second, run_config(second), lambda: spark))
    with pytest.raises(GuardError, match="minority_share"):
        run_pipeline(begin(3, parameters={"minority_share_min": 0.3}))
    return Path(store.root)


def test_old_runs_go_and_those_that_stay_are_whole(spark: SparkSession, runs: Path) -> None:
    before = sorted(p for p in runs.rglob("*"))
    shown = steelyard_here("gc", runs, "--keep", 0).stdout
    assert f"would go  {runs}/small/r3  (ended 2" in shown and "1 of 3 runs would go; --yes deletes them" in shown
    assert "small: 1 (the current run, whose model scores)" in shown and "small: 1 (r2 was compared with it)" in shown
    assert sorted(p for p in runs.rglob("*")) == before

    said = json.loads(steelyard("gc", runs, "--keep", 0, "--yes", "--json").stdout)
    assert said["deleted"] and [r["run_id"] for r in said["runs"] if r["kept"] is None] == ["r3"]
    assert sorted(p.name for p in (runs / "small").iterdir()) == ["_accepted", "r1", "r2"]

    kept = find_run(str(runs / "small"))
    assert kept.location == f"{runs}/small/r2"
    events: list[str] = []
    ctx = Context(kept, run_config(kept), lambda: spark)
    run_pipeline(ctx, resume=True, notify=lambda event, stage, outcome: events.append(event))
    assert events == ["skip"] * len(STAGES)


def test_what_stays_must_be_said(runs: Path) -> None:
    assert "--keep N, --days D" in steelyard("gc", runs, code=2).stderr

"""Which runs may go, on a local folder and on a file system that cannot rename; nothing that is needed ever does."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import fs as pafs

from steelyard.config import load
from steelyard.errors import InputError
from steelyard.stages._retention import judge, remove
from steelyard.store import Outcome, RunDir, Store

NOW = datetime(2026, 3, 31, tzinfo=UTC)
Make = Callable[..., RunDir]
HELD = "r02 was held against it"


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return Store(tmp_path / "runs")
    return Store(f"/{tmp_path.name}/runs", pafs.PyFileSystem(pafs.FSSpecHandler(MemoryFileSystem())))


@pytest.fixture
def make(store: Store) -> Make:
    """Return a function that makes the run of a day of March: one with stages, accepted if its gate has passed."""

    def made(
        day: int, gate: str | None = "done", *, name: str = "fraud", finished: int | None = None, **data: Any
    ) -> Any:
        date, at = f"2026-03-{day:02}", f"2026-03-{finished or day:02}T04:00:00.000Z"
        config = load(json.dumps({"version": 1, "name": name, "data": {"path": "/t", "label": "y", **data}}))
        manifest = {"pipeline": name, "config": config.to_json(), "variables": {"date": date}, "created": at}
        run = store.create(name, f"r{day:02}", {**manifest, "run_id": f"r{day:02}"})
        run.write_json("profile/a/stats.json", {"classes": {"0": {"count": 9}}})
        run.publish(Outcome("profile", "done", "a", at, at), ["profile/a"])
        if gate is not None:
            run.write_text("report.html", "<p>")
            run.publish(Outcome("report", "done", "a", at, at), ["report.html"])
            run.publish(Outcome("gate", gate, "a", at, at))
        if gate == "done":
            run.beside("_accepted").write_json(f"202603{day:02}T000000_r{day:02}.json", {"run_id": f"r{day:02}"})
        return run

    return made


def going(store: Store, **how: Any) -> list[str]:
    return [f"{run.pipeline}/{run.run_id}" for run in judge(store, at=NOW, **how) if run.kept is None]


def reasons(store: Store, **how: Any) -> dict[str, str | None]:
    return {run.run_id: run.kept for run in judge(store, at=NOW, **how)}


def test_the_latest_runs_of_each_pipeline_stay(store: Store, make: Make) -> None:
    for day in (1, 2, 3, 4, 5):
        make(day)
    make(1, name="churn")
    assert going(store, keep=2) == ["fraud/r02", "fraud/r01"]  # r04 is held against r03
    assert reasons(store, keep=2)["r03"] == "r04 was held against it"
    assert going(store, keep=2, pipeline="churn") == [] and going(store, keep=9) == []


def test_young_runs_stay_by_when_they_ended_and_not_by_the_date_of_their_data(store: Store, make: Make) -> None:
    for day in (1, 2, 20, 21, 22):
        make(day, finished=30 if day == 1 else None)
    assert going(store, days=7) == ["fraud/r20", "fraud/r02"]
    assert going(store, days=7, keep=2) == ["fraud/r02"]


def test_the_current_run_stays_and_so_does_what_the_next_is_held_against(store: Store, make: Make) -> None:
    make(1)
    make(2)
    make(3, "failed")
    make(4, "failed")
    kept = reasons(store, keep=0)
    assert kept == {"r04": None, "r03": None, "r02": "the current run, whose model scores", "r01": HELD}
    store.run("fraud", "r02").void(["gate"])  # its gate is done anew
    assert going(store, keep=0) == ["fraud/r04", "fraud/r03"]


def test_a_run_in_progress_stays_whatever_its_age(store: Store, make: Make) -> None:
    make(9)
    make(10)
    open_ = make(1, None)
    failed = make(2, None)
    failed.publish(Outcome("split", "failed", "a", "2026-03-02", "2026-03-02", kind="engine"))
    assert going(store, keep=1) == []
    assert reasons(store, keep=1)["r01"] == "it has no end: in progress, or killed"
    failed.publish(Outcome("report", "done", "a", "2026-03-02", "2026-03-02"))
    assert going(store, keep=1) == ["fraud/r02"]  # a failure has ended with its report
    assert going(store, keep=1, unfinished=True) == ["fraud/r02", "fraud/r01"]
    assert open_.exists("run.json")


def test_a_run_that_has_been_taken_up_again_is_not_deleted(store: Store, make: Make) -> None:
    run = make(1, "failed")
    make(2)
    (judged,) = (j for j in judge(store, keep=0, at=NOW) if j.kept is None)
    run.void(["gate"])
    assert not remove(judged) and run.exists("profile/a/stats.json")


def test_runs_that_a_configuration_names_stay_in_turn(store: Store, make: Make) -> None:
    for day in (1, 2, 3, 4):
        make(day, "failed")
    root = store.root
    make(5, name="second", path=f"{root}/fraud/r02/scores/a")
    make(6, "failed", name="third", path=f"{root}/fraud/r03/scores/a")
    assert going(store, keep=0) == ["fraud/r04", "fraud/r03", "fraud/r01", "third/r06"]
    assert "second/r05 names it" in reasons(store, keep=0).values()


def test_what_is_deleted_is_the_run_and_nothing_beside_it(store: Store, make: Make) -> None:
    for day in (1, 2, 3):
        make(day)
    store.here().write_text("demo_data/t.parquet", "rows")
    store.here().write_text("fraud/notes/readme.txt", "mine")
    gone = [judged for judged in judge(store, keep=1, at=NOW) if judged.kept is None]
    assert [judged.run_id for judged in gone] == ["r01"] and remove(gone[0])
    assert store.here().below("fraud").folders() == ["_accepted", "notes", "r02", "r03"]
    assert len(store.run("fraud", "r03").beside("_accepted").files("")) == 3
    assert store.here().exists("demo_data/t.parquet")
    assert going(store, keep=1) == []


def test_a_deletion_that_is_cut_short_is_done_again(store: Store, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make(1, "failed")
    make(2)
    (judged,) = (j for j in judge(store, keep=0, at=NOW) if j.kept is None)
    delete, steps = RunDir.delete, 0

    def dies(run: RunDir, path: str) -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise KeyboardInterrupt
        delete(run, path)

    monkeypatch.setattr(RunDir, "delete", dies)
    with pytest.raises(KeyboardInterrupt):
        remove(judged)
    monkeypatch.undo()
    assert going(store, keep=0) == ["fraud/r01"]
    (again,) = (j for j in judge(store, keep=0, at=NOW) if j.kept is None)
    assert remove(again) and store.here().below("fraud").folders() == ["_accepted", "r02"]


def test_a_torn_run_json_stays_and_stops_nothing(store: Store, make: Make) -> None:
    make(1, "failed")
    make(2)
    store.run("fraud", "r00").write_text("run.json", '{"pipe')
    assert reasons(store, keep=0)["r00"] == "its run.json can't be read"
    assert going(store, keep=0) == ["fraud/r01"]


def test_what_stays_must_be_said(store: Store, make: Make) -> None:
    with pytest.raises(InputError, match="has no runs"):
        judge(store, keep=1)
    make(1)
    with pytest.raises(InputError, match="--keep N, --days D"):
        judge(store)
    with pytest.raises(InputError, match="from 0 on, not -1"):
        judge(store, keep=-1)
    with pytest.raises(InputError, match="has no runs of churn"):
        judge(store, keep=1, pipeline="churn")

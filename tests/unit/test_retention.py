"""Which runs may go, on a local folder and on a file system that cannot rename; nothing that is needed ever does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import fs as pafs
from typer.testing import CliRunner

from steelyard.cli._app import app
from steelyard.config import load
from steelyard.errors import InputError
from steelyard.stages._context import start_run
from steelyard.stages.commands.current import current, find_run
from steelyard.stages.commands.retention import judge, remove
from steelyard.store import Outcome, RunDir, RunExistsError, Store

NOW = datetime(2026, 3, 31, tzinfo=UTC)
Make = Callable[..., RunDir]
HELD = "r02 was compared with it"


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
        config = load({"version": 1, "name": name, "data": {"path": "/t", "label": "y", **data}})
        manifest = {"pipeline": name, "config": config.to_json(), "variables": {"date": date}, "created": at}
        run = store.create(name, f"r{day:02}", {**manifest, "run_id": f"r{day:02}"})
        run.write_json("profile/a/stats.json", {"classes": {"0": {"count": 9}}})
        run.publish(Outcome("profile", "done", "a", at, at), ["profile/a"])
        if gate is not None:
            run.write_text("report.html", "<p>")
            run.publish(Outcome("report", "done", "a", at, at), ["report.html"])
            run.publish(Outcome("gate", gate, "a", at, at))
        if gate == "done":
            run.sibling("_accepted").write_json(f"202603{day:02}T000000_r{day:02}.json", {"run_id": f"r{day:02}"})
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
    assert reasons(store, keep=2)["r03"] == "r04 was compared with it"
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
    assert len(store.run("fraud", "r03").sibling("_accepted").files("")) == 3
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


def test_what_a_killed_write_has_left_keeps_no_run(store: Store, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    old = make(1, "failed")
    make(2)
    if old.local is not None:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("steelyard.store._folder.os.replace", killed)
            old.write_text("metrics.json", "{}")
        assert len(list(old.local.glob(".metrics.json.*"))) == 1
    assert going(store, keep=0) == ["fraud/r01"]


def test_a_changed_outcome_keeps_its_run_and_stops_nothing(store: Store, make: Make) -> None:
    make(1, "failed")
    make(2)
    odd = make(3, "failed")
    odd.write_text("stages/gate.json", odd.read_text("stages/gate.json").replace('"failed"', '"fallen"'))
    assert reasons(store, keep=0)["r03"] == "the outcome of its gate or report has changed"
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


ODD: list[tuple[str, Any]] = [
    ("created", None),
    ("created", 7),
    ("variables", []),
    ("variables", {"date": 20260301}),
    ("run_id", None),
    ("config", "x"),
    ("claim", 1),
]


@pytest.mark.parametrize(("key", "value"), ODD)
def test_odd_values_in_one_run_stop_nothing(store: Store, make: Make, key: str, value: Any) -> None:
    make(1, "failed")
    make(2)
    odd = make(3, "failed")
    odd.write_json("run.json", {**odd.manifest(), "variables": {}, key: value})
    assert going(store, keep=0) == ["fraud/r01"]
    (strange,) = (run for run in judge(store, keep=0, at=NOW) if run.strange)
    assert strange.run_id == "r03" and strange.kept


@pytest.mark.parametrize("document", ["[1]", "null", "{}", '"x"', "[" * 20_000, "\x00", ""])
def test_a_run_json_of_any_content_stops_nothing(store: Store, make: Make, document: str) -> None:
    make(1, "failed")
    make(2)
    store.run("fraud", "r00").write_text("run.json", document)
    assert going(store, keep=0) == ["fraud/r01"]


@pytest.mark.parametrize("odd", [{"finished": None}, {"finished": "soon"}, {"files": 3}, {"status": []}, {"rows": "x"}])
def test_odd_outcomes_stop_nothing(store: Store, make: Make, odd: dict[str, Any]) -> None:
    make(1, "failed")
    make(2)
    run = make(3, "failed")
    run.write_json("stages/gate.json", {**run.read_json("stages/gate.json"), **odd})
    assert "fraud/r01" in going(store, keep=0) and run.exists("profile/a/stats.json")


def test_what_steelyard_did_not_make_stays(store: Store, make: Make) -> None:
    make(1, "failed")
    make(2)
    for name in ("copy", "other"):
        for file in (run := store.run("fraud", "r01")).files():
            store.run("fraud", name).write_bytes(file, run.read_bytes(file))
    store.run("fraud", "other").write_json("run.json", {"created": "2020-01-01", "variables": {}, "run_id": "other"})
    make(3, "failed").write_text("notes.txt", "mine")
    assert going(store, keep=0) == ["fraud/r01"]
    kept = reasons(store, keep=0)
    assert kept["copy"] == kept["other"] == "steelyard did not make it"
    assert kept["r03"] == "it holds 'notes.txt', which steelyard did not make"


def test_what_is_in_accepted_and_is_no_profile_protects_nothing(store: Store, make: Make) -> None:
    make(1)
    make(2, "failed")
    make(3)
    store.here().write_text("fraud/_accepted/zzz.json", "{")
    store.here().write_text("fraud/_accepted/99999999T000000_r02.txt", "{")
    assert going(store, keep=0) == ["fraud/r02"]


def test_a_current_run_that_cannot_be_read_is_named_and_not_passed_over(store: Store, make: Make) -> None:
    make(1)
    make(2).write_text("run.json", "{")
    with pytest.raises(InputError, match=r"fraud/r02/run.json can't be read"):
        current([store.run("fraud", run_id) for run_id in ("r01", "r02")])


@pytest.mark.parametrize("store", ["local"], indirect=True)
class TestLinks:
    """Links are never runs, and nothing is deleted through them."""

    def test_a_link_to_a_run_keeps_it_and_is_no_run(self, store: Store, make: Make) -> None:
        for day in (1, 2, 3, 4):
            make(day, "failed")
        root = Path(store.root)
        (root / "fraud" / "latest").symlink_to(root / "fraud" / "r04")
        (root / "baseline").symlink_to("fraud/r01")
        assert going(store, keep=0) == ["fraud/r03", "fraud/r02"]
        judged = judge(store, keep=0, at=NOW)
        assert [run.run_id for run in judged if run.kept is None and remove(run)] == ["r03", "r02"]
        assert sorted(p.name for p in (root / "fraud").iterdir()) == ["latest", "r01", "r04"]
        assert (root / "fraud" / "latest" / "profile" / "a" / "stats.json").exists()

    def test_a_link_to_the_current_run_is_not_taken_for_a_second_one(self, store: Store, make: Make) -> None:
        make(1)
        make(2)
        Path(store.root, "fraud", "latest").symlink_to("r02")
        assert find_run(f"{store.root}/fraud").location.endswith("/r02")
        assert find_run(f"{store.root}/fraud/latest").manifest()["run_id"] == "r02"
        assert going(store, keep=1) == [] and reasons(store, keep=1)["r01"] == HELD

    def test_linked_runs_and_folders_outside_are_left_alone(self, store: Store, make: Make, tmp_path: Path) -> None:
        make(1, "failed")
        elsewhere = Store(tmp_path / "elsewhere").create("fraud", "r09", {"pipeline": "fraud", "run_id": "r09"})
        (tmp_path / "big").mkdir()
        (tmp_path / "big" / "t.bin").write_text("mine")
        Path(store.run("fraud", "r01").location, "scores").symlink_to(tmp_path / "big")
        Path(store.root, "fraud", "r09").symlink_to(elsewhere.location)
        Path(store.root, "churn").symlink_to(tmp_path / "elsewhere" / "fraud")
        judged = judge(store, keep=0, at=NOW)
        found = {(j.pipeline, j.run_id): j.kept for j in judged}
        assert found == {("churn", ""): "it is a link", ("fraud", "r09"): "it is a link", ("fraud", "r01"): None}
        assert [j.run_id for j in judged if remove(j)] == ["r01"]
        assert elsewhere.exists("run.json") and (tmp_path / "big" / "t.bin").read_text() == "mine"
        assert [p.name for p in Path(store.root, "fraud").iterdir()] == ["r09"]

    def test_a_run_that_has_become_a_link_is_not_deleted(self, store: Store, make: Make, tmp_path: Path) -> None:
        run = make(1, "failed")
        (judged,) = judge(store, keep=0, at=NOW)
        Path(run.location).rename(tmp_path / "moved")
        Path(run.location).symlink_to(tmp_path / "moved")
        assert not remove(judged) and (tmp_path / "moved" / "run.json").exists()

    def test_the_command_names_what_it_leaves_alone(self, store: Store, make: Make) -> None:
        make(1, "failed")
        make(2)
        store.run("fraud", "torn").write_text("run.json", "")
        Path(store.root, "fraud", "latest").symlink_to("r02")
        said = CliRunner().invoke(app, ["gc", store.root, "--keep", "0", "--yes"], standalone_mode=False).output
        assert f"deleted  {store.root}/fraud/r01" in said
        assert f"left alone  {store.root}/fraud/latest  (it is a link)" in said
        assert f"left alone  {store.root}/fraud/torn  (its run.json can't be read)" in said


CONFIG = load('{"version": 1, "name": "fraud", "data": {"path": "/t", "label": "y"}}')


@pytest.mark.parametrize("content", ["", '{"pipe'])
def test_an_empty_or_torn_run_json_can_be_overwritten_and_resumed(store: Store, content: str) -> None:
    run = store.run("fraud", "r1")
    run.write_text("run.json", content)
    with pytest.raises(RunExistsError, match="--resume continues it, --overwrite deletes it first"):
        start_run(store, CONFIG, "r1", {})
    assert start_run(store, CONFIG, "r1", {}, resume=True).manifest()["run_id"] == "r1"
    run.write_text("run.json", content)
    assert start_run(store, CONFIG, "r1", {}, overwrite=True).manifest()["pipeline"] == "fraud"
    run.publish(Outcome("profile", "done", "a", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"))
    run.write_text("run.json", content)
    assert start_run(store, CONFIG, "r1", {}, resume=True).manifest()["created"] == "2026-01-01T00:00:00Z"


def test_overwrite_deletes_only_what_steelyard_made(store: Store, make: Make) -> None:
    run = make(1, "failed")
    run.write_text("thesis.tex", "mine")
    with pytest.raises(RunExistsError, match=r"--overwrite .*fraud/r01: it holds 'thesis.tex'"):
        start_run(store, CONFIG, "r01", {}, overwrite=True)
    run.delete("thesis.tex")
    run.write_json("run.json", {"tool": "another"})
    with pytest.raises(RunExistsError, match="steelyard did not make it"):
        start_run(store, CONFIG, "r01", {}, overwrite=True)
    assert run.exists("profile/a/stats.json")

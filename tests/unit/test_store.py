"""One suite for the store, on a local folder and on an in-memory file system that cannot rename."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import fs as pafs

from steelyard.errors import InputError
from steelyard.store import Outcome, RunDir, RunExistsError, Store, now, open_run


class NoRename(MemoryFileSystem):
    """An object store has no rename: whoever tries gets an error."""

    protocol = "norename"
    cachable = False

    def mv(self, *args: Any, **kwargs: Any) -> None:
        raise AssertionError("an object store cannot rename")

    move = rename = mv


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return Store(tmp_path / "runs")
    return Store(f"/{tmp_path.name}/runs", pafs.PyFileSystem(pafs.FSSpecHandler(NoRename())))


def outcome(stage: str, **more: Any) -> Outcome:
    return Outcome(stage=stage, status="done", attempt="a", started=now(), finished=now(), **more)


def test_claim_is_exclusive_and_ids_are_checked(store: Store) -> None:
    run = store.create("fraud", "r1", {"config": {"name": "fraud"}})
    assert run.manifest()["config"] == {"name": "fraud"}
    with pytest.raises(RunExistsError, match="'r1' exists.*--resume.*--overwrite"):
        store.create("fraud", "r1", {})
    for bad in ("", ".hidden", "a/b", "a:b", "x" * 101, "../up"):
        with pytest.raises(InputError, match="run id"):
            store.create("fraud", bad, {})


def test_default_ids_differ_and_two_runs_do_not_touch_each_other(store: Store) -> None:
    one, two = store.create("fraud", None, {"n": 1}), store.create("fraud", None, {"n": 2})
    assert one.location != two.location
    one.write_json("x.json", 1)
    assert not two.exists("x.json") and two.manifest()["n"] == 2


def test_a_stage_is_real_only_with_its_outcome(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    run.write_json("split/a/plan.json", {"n": 1})
    assert run.outcome("split") is None
    published = run.publish(outcome("split"), ["split/a/plan.json"])
    assert run.outcome("split") == published and published.done
    assert published.files[0]["path"] == "split/a/plan.json" and len(published.files[0]["sha256"]) == 64
    assert run.is_whole(published)


def test_folders_are_listed_file_by_file_and_tables_are_not_read(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    for name in ("part-0.parquet", "part-1.parquet", "_SUCCESS"):
        run.write_text(f"scores/a/{name}", name)
    files = run.publish(outcome("evaluate"), ["scores/a"]).files
    assert [f["path"] for f in files] == ["scores/a/_SUCCESS", "scores/a/part-0.parquet", "scores/a/part-1.parquet"]
    assert [f["sha256"] is None for f in files] == [False, True, True]


def test_a_lost_or_changed_file_is_noticed(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    run.write_text("split/a/plan.json", "{}")
    published = run.publish(outcome("split"), ["split/a"])
    run.write_text("split/a/plan.json", "{ }")
    assert not run.is_whole(published)
    run.delete("split/a/plan.json")
    assert not run.is_whole(published)


def test_an_outcome_cut_short_counts_as_not_written(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    for half in ("", '{"stage": "split", "sta', '{"stage": "split"}'):
        run.write_text("stages/split.json", half)
        assert run.outcome("split") is None


def test_void_removes_outcomes_and_their_files_at_the_top(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    for stage in ("profile", "split", "train"):
        run.publish(outcome(stage))
    run.write_json("metrics.json", {})
    run.write_text("report.html", "x")
    run.void(["report"])
    assert run.exists("metrics.json") and not run.exists("report.html")
    run.void(["split", "train", "evaluate"])
    assert [s for s in ("profile", "split", "train") if run.outcome(s)] == ["profile"]
    assert not run.exists("metrics.json")


def test_manifest_keeps_its_claim_when_it_is_replaced(store: Store) -> None:
    run = store.create("fraud", "r1", {"config": 1})
    claim = run.manifest()["claim"]
    run.update_manifest({"config": 2})
    assert run.manifest() == {"config": 2, "claim": claim}


def test_upload_and_bytes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "docs" / "sub" / "é.html").write_text("<p>")
    run = store.create("fraud", "r1", {})
    run.upload(tmp_path / "docs", "guards/docs")
    assert run.read_text("guards/docs/sub/é.html") == "<p>"


def test_json_is_the_same_bytes_and_has_no_nan(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    run.write_json("a.json", {"b": 1, "a": "é"})
    assert run.read_text("a.json") == '{\n  "b": 1,\n  "a": "é"\n}\n'
    run.write_json("b.json", {"a": [float("nan"), (1.5, float("-inf"))], "b": {"c": float("inf")}})
    assert run.read_json("b.json") == {"a": [None, [1.5, None]], "b": {"c": None}}


def test_open_run(tmp_path: Path) -> None:
    made: RunDir = Store(tmp_path).create("fraud", "r1", {"x": 1})
    assert open_run(tmp_path / "fraud" / "r1").manifest()["x"] == 1
    assert made.uri("a") == f"file://{tmp_path}/fraud/r1/a"
    with pytest.raises(InputError, match="no run directory"):
        open_run(tmp_path)

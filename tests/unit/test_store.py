"""One suite for the store, on a local folder and on an in-memory file system that cannot rename."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
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
    for half in ("", '{"stage": "split", "sta'):
        run.write_text("stages/split.json", half)
        assert run.outcome("split") is None and run.checked_outcome("split") is None


def test_a_changed_bit_of_an_outcome_or_of_run_json_is_noticed(store: Store) -> None:
    run = store.create("fraud", "r1", {"config": {"name": "frédéric", "x": 0.1, "nan": float("nan"), 1: (1, 2)}})
    run.publish(outcome("split", rows={"in": {"0": 12}}, details={"messages": ["é"]}))
    assert run.manifest()["config"] == {"name": "frédéric", "x": 0.1, "nan": None, "1": [1, 2]}
    noticed = 0
    for path in ("stages/split.json", "run.json"):
        good = run.read_bytes(path)
        read = {"stages/split.json": lambda: run.published("split"), "run.json": run.manifest}[path]
        for at in range(0, len(good) * 8, 29):
            bad = bytearray(good)
            bad[at // 8] ^= 1 << at % 8
            run.write_bytes(path, bytes(bad))
            if same_content(bytes(bad), good):
                continue  # in white space, or in the digest
            with pytest.raises(InputError, match=r"run stage split again|run it first|writes it again"):
                read()
            noticed += 1
        run.write_bytes(path, good)
        assert read()
    assert noticed > 100


def same_content(one: bytes, other: bytes) -> bool:
    try:
        found, content = json.loads(one), {k: v for k, v in json.loads(other).items() if k != "sha256"}
    except ValueError:
        return False
    return {k: v for k, v in found.items() if k in content} == content


def test_what_earlier_versions_wrote_without_a_digest_is_read(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    made = run.publish(outcome("split"))
    for path in ("stages/split.json", "run.json"):
        document = run.read_json(path)
        assert len(document.pop("sha256")) == 64
        run.write_json(path, document)
    assert run.outcome("split") == run.checked_outcome("split") == made and run.manifest()["claim"]


def test_void_removes_outcomes_and_their_files_at_the_top(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    for stage in ("profile", "split", "train"):
        run.publish(outcome(stage))
    run.write_json("metrics.json", {})
    for name in ("report.html", "model_card.md", "model_card.html"):
        run.write_text(name, "x")
    run.void(["report"])
    assert run.exists("metrics.json") and not run.exists("report.html") and not run.exists("model_card.md")
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
    with pytest.raises(InputError, match="is not a run directory"):
        open_run(tmp_path)


def test_a_folder_is_published_whole(store: Store) -> None:
    place = store.here().below("out")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), place.written_whole("plan.json") as made:
            made.write_text("data/part-0", "half")
            assert not place.exists("") or place.local is None
            raise error
        assert place.files() == [] and store.here().names() == []
    with place.written_whole("plan.json") as made:
        made.write_text("data/part-0", "one")
        made.write_text("plan.json", "1")
    assert place.files() == ["data/part-0", "plan.json"] and store.here().names() == ["out"]


def test_what_replaces_a_folder_takes_its_place_when_it_is_written(tmp_path: Path) -> None:
    place = Store(tmp_path).here().below("out")
    place.write_text("part-old", "old")
    place.write_json("plan.json", {"status": "done"})
    with pytest.raises(ValueError), place.written_whole("plan.json") as made:
        made.write_text("part-new", "half")
        raise ValueError
    assert place.files() == ["part-old", "plan.json"]
    with place.written_whole("plan.json") as made:
        made.write_text("part-new", "new")
        assert place.read_json("plan.json") == {"status": "done"}
        made.write_text("plan.json", "1")
    assert place.files() == ["part-new", "plan.json"] and place.read_json("plan.json") == 1


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Store(tmp_path).here()
    place.write_text("é" * 120, "before")

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("steelyard.store._folder.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        place.write_text("é" * 120, "after")
    assert place.read_text("é" * 120) == "before"


def parquet(rows: int) -> bytes:
    sink = BytesIO()
    pq.write_table(pa.table({"a": list(range(rows))}), sink)
    return sink.getvalue()


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.fixture
def trained(store: Store) -> RunDir:
    """A run whose stage train has published a model and a table."""
    run = store.create("fraud", "r1", {})
    run.write_json("model/a/model.json", {"classes": ["0", "1"]})
    run.write_bytes("model/a/booster.ubj", bytes(range(99)))
    run.write_bytes("model/a/rows/part-0.parquet", parquet(5))
    run.write_text("model/a/rows/_SUCCESS", "")
    run.publish(outcome("train"), ["model/a"])
    return run


def test_published_files_are_read_as_they_were_written(trained: RunDir) -> None:
    files = trained.published("train")
    assert files.read_json(f"model/{files.attempt}/model.json") == {"classes": ["0", "1"]}
    assert files.has("model/a/rows") and not files.has("model/a/row")
    files.check_table("model/a/rows")
    with pytest.raises(InputError, match=r"stage split has not run in .*; run it first"):
        trained.published("split")


@pytest.mark.parametrize("file", ["model/a/model.json", "model/a/booster.ubj"])
def test_a_changed_file_is_never_read(trained: RunDir, file: str) -> None:
    good, ended = trained.read_bytes(file), trained.outcome("train")
    assert ended is not None and trained.is_whole(ended)
    for bad, why in ((flipped(good, 7), "its SHA-256 is another"), (good[:-1], "bytes"), (b"", "0 bytes")):
        trained.write_bytes(file, bad)
        with pytest.raises(InputError, match=f"r1/{file} has changed: .*{why}.*; run stage train again"):
            trained.published("train").read_bytes(file)
        assert not trained.is_whole(ended)
    trained.delete(file)
    with pytest.raises(InputError, match=f"r1/{file} is missing; run stage train again"):
        trained.published("train").read_bytes(file)
    trained.write_bytes(file, good)
    assert trained.published("train").read_bytes(file) == good
    trained.write_text("model/a/more.json", "{}")
    with pytest.raises(InputError, match="more.json is not among the files that the stage wrote; run stage train"):
        trained.published("train").read_json("model/a/more.json")


def test_a_table_is_known_by_names_sizes_and_footers(trained: RunDir) -> None:
    part = "model/a/rows/part-0.parquet"
    good = trained.read_bytes(part)
    for content in (flipped(good, len(good) - 30), good[:40], b"", parquet(6), good[:-4] + b"PARE"):
        trained.write_bytes(part, content)
        with pytest.raises(InputError, match=f"{part} has changed.*run stage train again"):
            trained.published("train").check_table("model/a/rows")
    trained.write_bytes(part, good)
    trained.write_bytes("model/a/rows/_note.parquet", good)  # Spark passes over it
    trained.published("train").check_table("model/a/rows")
    trained.write_bytes("model/a/rows/part-1.parquet", good)
    with pytest.raises(InputError, match=r"part-1.parquet is not among the files"):
        trained.published("train").check_table("model/a/rows")
    trained.delete("model/a/rows")
    with pytest.raises(InputError, match=f"{part} is missing"):
        trained.published("train").check_table("model/a/rows")


def test_an_outcome_with_odd_values_counts_as_not_written(trained: RunDir) -> None:
    sound = trained.read_json("stages/train.json")
    for odd in ({"files": 3}, {"files": [3]}, {"status": None}, {"finished": 7}, {"rows": []}, {"more": 1}):
        trained.write_json("stages/train.json", {**sound, **odd})
        assert trained.outcome("train") is None
    trained.write_text("stages/train.json", "[" * 20_000)
    assert trained.outcome("train") is None


def test_a_manifest_that_cannot_be_read_is_named(store: Store) -> None:
    run = store.create("fraud", "r1", {})
    for half in ("", '{"a', "[1]", "[" * 20_000):
        run.write_text("run.json", half)
        with pytest.raises(InputError, match=r"fraud/r1/run.json .*--resume writes it again"):
            run.manifest()
    run.update_manifest({"config": 1})
    assert run.manifest()["config"] == 1 and run.manifest()["claim"]


def test_nothing_is_written_or_deleted_through_a_link(tmp_path: Path) -> None:
    run, mine = Store(tmp_path / "runs").create("fraud", "r1", {}), tmp_path / "mine"
    mine.mkdir()
    (mine / "page.html").write_text("mine")
    place = Path(run.location)
    (place / "report.html").symlink_to(mine / "page.html")
    (place / "metrics.json").symlink_to(mine / "not_there.json")
    (place / "guards").symlink_to(mine)
    run.write_text("report.html", "ours")
    run.write_text("metrics.json", "{}")
    assert not (place / "report.html").is_symlink() and run.read_text("report.html") == "ours"
    for act in (lambda: run.write_text("guards/a.json", "x"), lambda: run.delete("guards/page.html")):
        with pytest.raises(InputError, match="r1/guards is a link"):
            act()
    assert run.files() == ["metrics.json", "report.html", "run.json"] and run.folders() == []
    run.delete("guards")
    run.delete("")
    assert [p.name for p in mine.iterdir()] == ["page.html"] and (mine / "page.html").read_text() == "mine"


def test_a_link_is_no_run_and_opens_only_a_run_beside_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    run, other = store.create("fraud", "r1", {}), Store(tmp_path / "other").create("fraud", "r1", {})
    latest, far = Path(store.root, "fraud", "latest"), Path(store.root, "fraud", "far")
    latest.symlink_to("r1")
    far.symlink_to(other.location)
    with pytest.raises(InputError, match="fraud/latest is a link, which is never a run"):
        store.run("fraud", "latest")
    assert open_run(latest).location == run.location
    with pytest.raises(InputError, match="far is a link to .*other/fraud/r1; use that path instead"):
        open_run(far)


def test_a_file_uri_is_the_same_place(tmp_path: Path) -> None:
    run = Store(f"file://{tmp_path}/runs").create("fraud", "r1", {})
    assert run.uri("a") == f"file://{tmp_path}/runs/fraud/r1/a"

"""A file that is not as its stage wrote it is never used: each case changes a copy of one whole run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline

from steelyard.errors import GuardError, InputError
from steelyard.report import build
from steelyard.stages import STAGES, Context, run_pipeline, run_stage, start_run
from steelyard.stages._context import run_config
from steelyard.stages._order import fingerprint
from steelyard.stages.commands.score import score_table
from steelyard.store import Outcome, RunDir, Store, now, open_run

GUARDS = [stage for stage in STAGES if stage.startswith("guard")]
READERS = {
    "profile": ("split", "stats.json"),
    "split": ("resample", "plan.json"),
    "resample": ("train", "plan.json"),
    "evaluate": ("gate", "metrics.json"),
}


@pytest.fixture(scope="module")
def whole(spark: SparkSession, table: str, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run with new rows, dropped rows and a booster."""
    train = {"model": "xgboost", "params": {"n_estimators": 3, "max_depth": 2}, "num_workers": 1}
    resample = {"method": "smoteenn", "missing": "impute", "sampling_strategy": 0.5}
    config = pipeline(table, train=train, resample=resample)
    run = start_run(Store(tmp_path_factory.mktemp("runs")), config, "r1", {})
    ctx = Context(run, config, lambda: spark)
    for stage in (s for s in STAGES[:-1] if s not in GUARDS):
        run_stage(ctx, stage)
    for guard in GUARDS:  # which read nothing that matters here
        run.publish(Outcome(guard, "done", "a", now(), now(), fingerprint(guard, config)))
    return run


@pytest.fixture
def copy(spark: SparkSession, whole: RunDir, tmp_path: Path) -> Context:
    shutil.copytree(whole.location, tmp_path / "small" / "r1")
    run = open_run(tmp_path / "small" / "r1")
    return Context(run, run_config(run), lambda: spark)


def the_file(ctx: Context, stage: str, ending: str) -> Path:
    outcome = ctx.run.outcome(stage)
    assert outcome is not None
    path = next(f["path"] for f in outcome.files if f["path"].endswith(ending))
    return Path(ctx.run.location, path)


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


CHANGES: dict[str, Callable[[Path], object]] = {
    "flipped": lambda file: flip(file, len(file.read_bytes()) // 2),
    "torn": lambda file: file.write_bytes(file.read_bytes()[:-9]),
    "empty": lambda file: file.write_bytes(b""),
    "missing": lambda file: file.unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("stage", READERS)
def test_a_document_that_has_changed_stops_the_stage_that_reads_it(copy: Context, stage: str, change: str) -> None:
    reader, name = READERS[stage]
    file = the_file(copy, stage, name)
    CHANGES[change](file)
    with pytest.raises(InputError, match=rf"{file} .*; run stage {stage} again"):
        run_stage(copy, reader)
    ended = copy.run.outcome(reader)
    assert ended is not None and (ended.status, ended.kind) == ("failed", "input")


@pytest.mark.parametrize("name", ["model.json", "booster.ubj", "policy.json"])
def test_a_model_that_has_changed_neither_judges_nor_scores(
    spark: SparkSession, copy: Context, table: str, tmp_path: Path, name: str
) -> None:
    stage = "decide" if name == "policy.json" else "train"
    file = the_file(copy, stage, name)
    flip(file, file.read_bytes().find(b"1"))
    said = rf"{file} has changed: its SHA-256 is another; run stage {stage} again"
    with pytest.raises(InputError, match=said):
        score_table(spark, copy.run.location, table, str(tmp_path / "scores"))
    assert not (tmp_path / "scores").exists()
    with pytest.raises(InputError, match=said):
        run_stage(copy, "evaluate")


def test_the_report_shows_nothing_that_has_changed(copy: Context) -> None:
    copy.run.void(GUARDS)
    assert "<html" in build(copy.run)
    file = the_file(copy, "evaluate", "metrics.json")
    file.write_text(file.read_text().replace('"recall"', '"Recall"', 1))
    with pytest.raises(InputError, match=rf"{file} has changed"):
        build(copy.run)


@pytest.mark.parametrize("kind", ["synthetic", "dropped"])
def test_rows_that_are_gone_or_changed_are_missed_before_training(copy: Context, kind: str) -> None:
    part = the_file(copy, "resample", ".parquet")
    folder = part.parent.parent / kind
    part = next(folder.glob("*.parquet"))
    good = part.read_bytes()
    flip(part, len(good) - 20)
    with pytest.raises(InputError, match=rf"{part} has changed: its SHA-256 is another; run stage resample again"):
        run_stage(copy, "train")
    part.write_bytes(good)
    shutil.copy(part, folder / "part-more.parquet")
    with pytest.raises(InputError, match=r"part-more.parquet is not among the files that the stage wrote"):
        run_stage(copy, "train")
    shutil.rmtree(folder)
    with pytest.raises(InputError, match=rf"{part} is missing; run stage resample again"):
        run_stage(copy, "train")


@pytest.mark.parametrize("crc", [True, False], ids=["Hadoop's checksums", "Parquet's own"])
def test_a_page_that_has_changed_is_found_where_it_is_read(copy: Context, crc: bool) -> None:
    folder = the_file(copy, "resample", ".parquet").parent.parent / "synthetic"
    part = max(folder.glob("*.parquet"), key=lambda p: p.stat().st_size)
    group = pq.ParquetFile(part).metadata.row_group(0)
    column = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == "b")
    flip(part, column.data_page_offset + column.total_compressed_size - 5)
    if not crc:
        (folder / f".{part.name}.crc").unlink()
    with pytest.raises(InputError, match=rf"{part} has changed: a checksum in it is wrong; run stage resample again"):
        run_stage(copy, "train")


def altered(file: Path, words: str) -> None:
    """Change the character after some words: the file is JSON as before."""
    text = file.read_text()
    at = text.index(words) + len(words)
    file.write_text(text[:at] + ("3" if text[at] != "3" else "4") + text[at + 1 :])


def test_an_outcome_or_a_run_json_that_has_changed_is_not_used(
    spark: SparkSession, copy: Context, table: str, tmp_path: Path
) -> None:
    file = Path(copy.run.location) / "stages" / "train.json"
    altered(file, '"finished": "')
    said = rf"{file} has changed since it was written; run stage train again"
    with pytest.raises(InputError, match=said):
        run_stage(copy, "evaluate")
    with pytest.raises(InputError, match=said):
        score_table(spark, copy.run.location, table, str(tmp_path / "scores"))
    copy.run.void(["evaluate"])
    with pytest.raises(InputError, match=said):
        build(copy.run)
    manifest = Path(copy.run.location) / "run.json"
    altered(manifest, '"seed": ')
    with pytest.raises(InputError, match=rf"{manifest} can't be read \(its SHA-256 is another\); .* --resume"):
        run_config(copy.run)


def test_what_a_guard_that_said_no_has_found_is_verified(spark: SparkSession, copy: Context, table: str) -> None:
    config = pipeline(table, guards={"parameters": {"minority_share_min": 0.4}})
    copy.run.void(GUARDS)  # the others have written nothing here
    with pytest.raises(GuardError):
        run_stage(Context(copy.run, config, lambda: spark), "guard_raw")
    assert "minority" in build(copy.run)
    ended = copy.run.outcome("guard_raw")
    assert ended is not None and ended.details["report"] in [f["path"] for f in ended.files]
    file = Path(copy.run.location) / ended.details["report"]
    altered(file, '"message": "')
    with pytest.raises(InputError, match=rf"{file} has changed: its SHA-256 is another; run stage guard_raw again"):
        build(copy.run)


@pytest.mark.parametrize("changed", ["split/*/plan.json", "stages/split.json"])
def test_resume_does_again_what_has_changed(copy: Context, changed: str) -> None:
    (file,) = Path(copy.run.location).glob(changed)
    good = file.read_bytes()
    flip(file, good.find(b"1"))
    seen: list[tuple[str, str]] = []

    def note(event: str, stage: str, outcome: object) -> None:
        seen.append((event, stage))
        if event == "start":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pipeline(copy, resume=True, notify=note)
    assert seen == [("skip", "profile"), ("skip", "guard_raw"), ("start", "split")]


def test_a_foreign_run_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"tool": "another"}')
    with pytest.raises(InputError, match=r"run.json holds no pipeline's configuration; steelyard did not write it"):
        run_config(open_run(tmp_path))

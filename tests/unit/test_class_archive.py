"""The archive of Java classes of local sessions: which one fits, and what happens when none does."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from steelyard.errors import InputError
from steelyard.stages.commands._class_archive import ClassArchive
from steelyard.stages.commands._local_java import LocalJava
from steelyard.stages.commands.java import launched_java

CLASSES = "-XX:DumpLoadedClassList="
USE = "-XX:SharedArchiveFile="


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "a.jar").write_bytes(b"")
    return folder


@pytest.fixture
def java(tmp_path: Path) -> str:
    """An executable that accepts any archive but one that reads `bad`."""
    file = tmp_path / "java"
    file.write_text(
        "#!/bin/sh\nfor a do\n  case $a in\n"
        '    -XX:SharedArchiveFile=*) if grep -q bad "${a#*=}"; then exit 1; fi ;;\n'
        "  esac\ndone\n"
    )
    file.chmod(0o755)
    return str(file)


def option(archive: ClassArchive) -> str:
    """Return the first word of an archive's options."""
    return next(iter(archive.options()), "").split("=")[0] + "="


def left(folder: Path, content: str = "whole") -> None:
    """Leave what a first session and its process leave: a record of an ended process, and an archive."""
    (record,) = folder.glob("*.json")
    ended = subprocess.Popen(["true"])
    ended.wait()
    record.write_text(json.dumps({"process": ended.pid, "class_path": "x"}))
    record.with_suffix(".new").write_text(content)


def test_the_first_session_lists_classes_and_the_next_one_uses_the_archive(
    tmp_path: Path, java: str, jars: Path
) -> None:
    cache = tmp_path / "cache"
    assert option(ClassArchive(cache, java, jars)) == CLASSES
    assert option(ClassArchive(cache, java, jars)) == "=", "the first process, which is this one, is at it"
    left(cache)
    for _ in range(2):
        assert option(ClassArchive(cache, java, jars)) == USE
    assert [f.suffix for f in sorted(cache.iterdir())] == [".jsa", ".json", ".lock"]


@pytest.mark.parametrize("content", ["bad", None], ids=["refused by Java", "never written"])
def test_an_archive_that_is_not_sound_is_made_again(tmp_path: Path, java: str, jars: Path, content: str | None) -> None:
    cache = tmp_path / "cache"
    ClassArchive(cache, java, jars).options()
    left(cache, content or "")
    if content is None:
        next(cache.glob("*.new")).unlink()
    assert option(ClassArchive(cache, java, jars)) == CLASSES
    assert not [*cache.glob("*.new"), *cache.glob("*.jsa")]


@pytest.mark.parametrize("damage", ["truncated", "changed", "gone", "record"])
def test_a_damaged_archive_is_not_used(tmp_path: Path, java: str, jars: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    ClassArchive(cache, java, jars).options()
    left(cache)
    archive = ClassArchive(cache, java, jars)
    assert option(archive) == USE
    if damage == "gone":
        archive.ready.unlink()
    elif damage == "record":
        next(cache.glob("*.json")).write_text("{")
    else:
        archive.ready.write_text("who" if damage == "truncated" else "WHOLE")
        os.utime(archive.ready, ns=(1, 1))
    assert option(ClassArchive(cache, java, jars)) == CLASSES


def test_other_jars_another_java_and_another_class_path_have_an_archive_each(
    tmp_path: Path, java: str, jars: Path
) -> None:
    def name() -> Path:
        return ClassArchive(tmp_path, java, jars).ready

    names = {name(), ClassArchive(tmp_path, java, jars, ["conf"]).ready}
    (jars / "a.jar").write_bytes(b"more")
    names.add(name())
    (jars / "b.jar").write_bytes(b"")
    names.add(name())
    os.utime(java, ns=(1, 1))
    names.add(name())
    assert len(names) == 5
    assert name() in names


def test_a_lost_process_whose_id_is_in_use_does_not_block_for_ever(tmp_path: Path, java: str, jars: Path) -> None:
    cache = tmp_path / "cache"
    ClassArchive(cache, java, jars).options()
    (record,) = cache.glob("*.json")
    before = time.time() - 3 * 24 * 3600
    os.utime(record, (before, before))
    assert option(ClassArchive(cache, java, jars)) == CLASSES


def test_an_ended_process_that_nobody_waited_for_has_ended(tmp_path: Path, java: str, jars: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here")
    cache = tmp_path / "cache"
    ClassArchive(cache, java, jars).options()
    left(cache)
    (record,) = cache.glob("*.json")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        record.write_text(json.dumps({"process": process.pid, "class_path": "x"}))
        assert ClassArchive(cache, java, jars).options() == []
        assert process.stdin is not None
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert option(ClassArchive(cache, java, jars)) == USE


def test_a_cache_that_cannot_be_written_costs_nothing(tmp_path: Path, java: str, jars: Path) -> None:
    (tmp_path / "file").write_text("")
    assert ClassArchive(tmp_path / "file", java, jars).options() == []


def test_java_options_of_the_user_prevail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if launched_java() is None:
        pytest.skip("no Java here")
    for name in ("STEELYARD_CLASS_ARCHIVE", "SPARK_SUBMIT_OPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def options(small: bool = False, **conf: str) -> str:
        with LocalJava({k.replace("_", "."): v for k, v in conf.items()}, small=small).launching():
            return os.environ["SPARK_SUBMIT_OPTS"]

    assert CLASSES in options() and "SPARK_SUBMIT_OPTS" not in os.environ
    assert "Tier4" in options() and CLASSES not in options(), "this process makes the archive already"
    assert "TieredStopAtLevel=1" in options(small=True) and "Tier4" not in options(small=True)
    assert "Tier" not in options(small=True, spark_driver_extraJavaOptions="-Xint")
    assert "Tier4" not in options(spark_driver_extraJavaOptions="-XX:TieredStopAtLevel=1")
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-Dx=y")
    assert options().endswith(" -Dx=y") and os.environ["SPARK_SUBMIT_OPTS"] == "-Dx=y"


def test_the_archive_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SPARK_SUBMIT_OPTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("STEELYARD_CLASS_ARCHIVE", "off")
    with LocalJava({}).launching():
        assert CLASSES not in os.environ["SPARK_SUBMIT_OPTS"]
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("STEELYARD_CLASS_ARCHIVE", "no")
    with pytest.raises(InputError, match="STEELYARD_CLASS_ARCHIVE is 'no'"):
        LocalJava({})

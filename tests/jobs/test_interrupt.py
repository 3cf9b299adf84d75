"""Ctrl-C goes to the whole process group: the command ends with 130, in one line, and the run can go on."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_line import BIN, ended_here
from small_pipelines import pipeline, small_table

from steelyard.cli import _app, _session
from steelyard.cli._session import interrupt_again
from steelyard.config import ALL_STAGES
from steelyard.errors import InputError, InterruptedRunError
from steelyard.store import Store


def test_an_interrupted_run_says_what_goes_on_with_it(tmp_path: Path) -> None:
    """In the C locale, where neither Java nor a terminal would know the paths by themselves."""
    table = tmp_path / "t 🧀.parquet"
    small_table(300).rename(columns={"b": "b 🧀"}).to_parquet(table, index=False, coerce_timestamps="us")
    file, store = tmp_path / "käse 🧀.yaml", tmp_path / "läufe 🧀"
    document = pipeline(str(table), spark={"master": "local[2]"}).to_json()
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    words = ["run", str(file), "--store", str(store), "--run-id", "r1"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "PYTHONUTF8", "PYTHONIOENCODING"))}
    process = subprocess.Popen(
        [str(BIN / "steelyard"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**env, "LANG": "C"},
        start_new_session=True,
    )
    run, deadline = Store(store).run("small", "r1"), time.monotonic() + 240
    while not run.exists("stages/profile.json") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=240)[1].decode()
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == f"interrupted; {shlex.join(['steelyard', *words, '--resume'])} continues"
    assert "Traceback" not in told and "py4j" not in told
    profile = run.outcome("profile")
    assert profile is not None and profile.done and run.outcome("gate") is None
    assert all(made is None or made.done for made in map(run.outcome, ALL_STAGES)), "an interrupt is no failure"
    assert "b 🧀" in run.read_json(f"profile/{profile.attempt}/stats.json")["features"]


def test_a_signal_ends_java_and_interrupts() -> None:
    with subprocess.Popen(["sleep", "60"]) as java:
        before = signal.signal(signal.SIGTERM, _session.ending(java))
        try:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            assert java.wait(10) == -signal.SIGTERM and _session.was_interrupted()
        finally:
            signal.signal(signal.SIGTERM, before)
            _session.came.clear()


def test_a_failure_after_an_interrupt_is_an_interrupt() -> None:
    """Ctrl-C in the middle of a call into Java may end as another error: a listing that is cut short, say."""
    before = signal.signal(signal.SIGINT, _session.on_interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    for error in (InputError("a file is gone"), ValueError("anything")):
        told, foreseen = _app._known(error)
        assert (told.exit_code, str(told), foreseen) == (130, "interrupted", True)
    asked = InterruptedRunError("steelyard run … continues")
    assert _app._known(asked) == (asked, True)
    assert ended_here("run", "nope.yaml").returncode == 2, "the interrupt was of the command before"


def test_an_interrupt_in_a_finalizer_is_not_lost() -> None:
    class Lost:
        exc_type = KeyboardInterrupt

    try:
        interrupt_again(Lost())
        for _ in range(1000):
            time.sleep(0.001)
    except KeyboardInterrupt:
        return
    raise AssertionError("the interrupt was lost")

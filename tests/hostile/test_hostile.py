"""Hostile tables and bad commands: a right result, or one short refusal; never a fault of the program."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from command_line import ended_here
from hostile_commands import check_done, hostile_command
from hostile_tables import hostile_table, write_table
from long_cases import thinned
from pyspark.sql import SparkSession

CASES = int(os.environ.get("STEELYARD_HOSTILE_CASES", "0"))
IN_CI, IN_SHORT = 100, 30
AT_ONCE = 10


def run_case(seed: int, folder: Path) -> int:
    """Run one case; return its exit code."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    frame = hostile_table(rng)
    command = hostile_command(write_table(frame, rng, folder), frame, rng, folder)
    done = ended_here(*command.words)
    words = done.stderr.strip()
    about = f"case {seed}: steelyard {' '.join(command.words)}\nexit {done.returncode}\n{words or done.stdout}"
    assert done.returncode in (0, 2), about
    if done.returncode:
        said = json.loads(done.stdout)["message"]
        assert said and len(said.splitlines()) <= 5 and len(said) < 1000, about
        assert not any(word in said + words for word in ("Traceback", "py4j", "Exception", "JVM")), about
        assert command.out is None or not (command.out / "plan.json").exists(), about
    else:
        try:
            check_done(command, frame, done.stdout)
        except Exception as error:
            raise AssertionError(f"{about}\n{type(error).__name__}: {error}") from error
    return done.returncode


def run_cases(first: int, tmp_path: Path) -> None:
    ended, faults = [], []
    for seed in range(first, first + AT_ONCE):
        try:
            ended.append(run_case(seed, tmp_path / str(seed)))
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n\n".join(faults)
    print(f"{ended.count(0)} done, {ended.count(2)} refused")  # noqa: T201  # counted for docs/reliability.md


@pytest.mark.parametrize("first", thinned(range(0, IN_CI, AT_ONCE), range(IN_SHORT)))
def test_hostile_tables(spark: SparkSession, first: int, tmp_path: Path) -> None:
    run_cases(first, tmp_path)


@pytest.mark.hostile
@pytest.mark.parametrize("first", range(IN_CI, max(CASES, 2000 + IN_CI), AT_ONCE))
def test_more_hostile_tables(spark: SparkSession, first: int, tmp_path: Path) -> None:
    run_cases(first, tmp_path)

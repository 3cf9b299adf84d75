"""Commands publish tables whole, also where they are killed; what comes from the environment is written nowhere."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from command_line import BIN
from pyspark.sql import DataFrame, SparkSession
from small_pipelines import pipeline, small_table

from steelyard.config import PipelineConfig
from steelyard.errors import InputError
from steelyard.frames.tables import write_parquet
from steelyard.sampling import SamplingPlan
from steelyard.splitting import FoldPlan, SplitPlan
from steelyard.stages import Context, run_stage
from steelyard.stages._source import input_changed, source
from steelyard.stages.commands.tables import bare_table, fold_table, resample_table, split_table

Write = Callable[[SparkSession, PipelineConfig, str], object]
ROLES = {"label": "y", "key": ["id"], "exclude": ["customer", "t"]}
WRITERS: dict[str, tuple[type, Write]] = {
    "split": (SplitPlan, split_table),
    "folds": (FoldPlan, lambda spark, config, out: fold_table(spark, config, 3, out)),
    "resample": (SamplingPlan, resample_table),
}


@pytest.mark.parametrize("command", WRITERS)
def test_rows_are_never_without_their_plan(
    spark: SparkSession, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    kind, write = WRITERS[command]
    config = bare_table(table, None, {"resample": {"method": "random_over_sampler"}}, **ROLES)
    with monkeypatch.context() as patch:
        patch.setattr(kind, "to_json", lambda plan: {"plan": object()})
        with pytest.raises(TypeError):
            write(spark, config, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()

    def interrupted(df: DataFrame, uri: str, **how: object) -> None:
        write_parquet(df.limit(1), uri)
        assert not (tmp_path / "out").exists() and list(tmp_path.iterdir())
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for module in ("split", "commands.tables"):
            patch.setattr(f"steelyard.stages.{module}.write_parquet", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write(spark, config, str(tmp_path / "out"))
    assert not list(tmp_path.iterdir())
    write(spark, config, str(tmp_path / "out"))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["data", "plan.json"]
    with pytest.raises(InputError, match="exists already"):
        write(spark, config, str(tmp_path / "out"))


@pytest.mark.long
def test_a_command_that_is_killed_while_it_writes_leaves_nothing_half(
    spark: SparkSession, table: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["resample", table, "--label", "y", "--key", "id", "--method", "random_over_sampler", "--out", str(out)]
    with (tmp_path / "log").open("wb") as log:
        command = subprocess.Popen([str(BIN / "steelyard"), *words], stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 240
    while command.poll() is None and not list(tmp_path.glob(".out.*/data/_temporary")):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.killpg(command.pid, signal.SIGKILL)
    assert command.wait(60) == -signal.SIGKILL, (tmp_path / "log").read_text()
    assert len(list(tmp_path.glob(".out.unfinished-*"))) == 1 and not out.exists()
    config = bare_table(table, None, {"resample": {"method": "random_over_sampler"}}, **ROLES)
    resample_table(spark, config, str(out))
    assert len(pd.read_parquet(out / "data")) == 2160


def test_what_comes_from_the_environment_is_written_nowhere(
    start: Callable[..., Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = tmp_path / "s3cr3t-token"
    vault.mkdir()
    small_table().to_parquet(vault / "t.parquet", index=False, coerce_timestamps="us")
    monkeypatch.setenv("VAULT", vault.name)
    ctx = start(pipeline(str(tmp_path / "${env:VAULT}" / "t.parquet")))
    run_stage(ctx, "profile")
    assert source(ctx).count() == 1200 and input_changed(ctx) is None
    ctx.warn(f"read {vault}")
    pd.DataFrame({"y": [0]}).to_parquet(vault / "t.parquet")
    with pytest.raises(InputError, match=r"\$\{env:VAULT\}/t.parquet has changed since the profile"):
        run_stage(ctx, "split")
    run_stage(ctx, "report")
    for file in Path(ctx.run.location).rglob("*"):
        assert file.is_dir() or vault.name not in file.read_text(encoding="utf-8", errors="replace"), file

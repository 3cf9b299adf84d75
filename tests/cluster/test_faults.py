"""Machines, executors and drivers that are lost in the middle of a run change nothing of what it comes to."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from results import results
from standalone import Cluster
from watching import Stage, anywhere, driver, stopped_in, together, written

from steelyard.config import PipelineConfig
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.store import RunDir, Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.cluster

Config = Callable[..., PipelineConfig]


def test_a_worker_lost_in_each_heavy_stage(cluster: Cluster, copied: RunDir, config: Config, reference: RunDir) -> None:
    copied.delete("stages/resample.json")
    with driver(cluster, copied, config()) as at:
        for stage, place in (("resample", anywhere), ("train", together), ("evaluate", anywhere)):
            stopped, _ = stopped_in(at, stage, place)
            cluster.kill_worker_of(stopped)
            cluster.add_worker(1)
        assert at.ended() == 0, at.log.read_text()
    assert results(copied) == results(reference)


def test_an_executor_lost_between_shuffle_write_and_read(
    cluster: Cluster, copied: RunDir, config: Config, reference: RunDir
) -> None:
    copied.delete("stages/train.json")
    with driver(cluster, copied, config()) as at:
        stopped, other = stopped_in(at, "train", written)
        os.kill(other, signal.SIGKILL)
        os.kill(stopped, signal.SIGCONT)
        assert at.ended() == 0, at.log.read_text()
    assert results(copied) == results(reference)


def test_a_driver_killed_and_resumed(cluster: Cluster, copied: RunDir, config: Config, reference: RunDir) -> None:
    copied.delete("stages/resample.json")
    kept = copied.read_bytes("stages/diagnose.json")
    with driver(cluster, copied, config()) as at:
        stopped, _ = stopped_in(at, "resample", anywhere)
        os.killpg(at.started.pid, signal.SIGKILL)
        os.kill(stopped, signal.SIGCONT)
        assert at.ended() == -signal.SIGKILL
    assert copied.outcome("resample") is None and not copied.exists("metrics.json")
    with driver(cluster, copied, config()) as at:
        assert at.ended() == 0, at.log.read_text()
    assert copied.read_bytes("stages/diagnose.json") == kept
    assert results(copied) == results(reference)


def test_rows_that_an_executor_took_along_are_said_to_be_lost_and_found_again(
    cluster: Cluster, spark: SparkSession, copied: RunDir, config: Config, tmp_path: Path
) -> None:
    """What a cleaning sampler has found is kept by executors alone: the stage fails, and is run anew."""
    cleaning = config(resample={"method": "edited_nearest_neighbours", "missing": "impute"})
    undisturbed = Store(tmp_path / "undisturbed").run("small", "r1")
    shutil.copytree(copied.location, undisturbed.location)
    start_run(Store(tmp_path / "undisturbed"), cleaning, "r1", {}, resume=True)
    run_pipeline(Context(undisturbed, cleaning, lambda: spark), resume=True)
    with driver(cluster, copied, cleaning, cores=1) as at:

        def after_the_search(stage: Stage) -> bool:
            """Whether the stage that keeps its result has ended, and a later one is at work."""
            kept = {rdd["id"] for rdd in at.ask("storage/rdd") if rdd["numCachedPartitions"] == rdd["numPartitions"]}
            return any(kept & set(ended["rddIds"]) for ended in at.ask("stages?status=complete"))

        stopped, _ = stopped_in(at, "resample", after_the_search)
        os.kill(stopped, signal.SIGKILL)
        assert at.ended() == 3, at.log.read_text()
    outcome = copied.outcome("resample")
    assert outcome is not None and (outcome.status, outcome.kind) == ("failed", "engine")
    assert outcome.message == (
        "stage resample failed: an executor was lost with rows that only it held; run it again, it gives the same rows"
    )
    with driver(cluster, copied, cleaning) as at:
        assert at.ended() == 0, at.log.read_text()
    assert results(copied) == results(undisturbed)

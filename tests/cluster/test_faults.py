"""Machines, executors and drivers that are lost in the middle of a run change nothing of what it comes to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from results import results
from standalone import Cluster
from watching import anywhere, driver, stopped_in, together, written

from steelyard.config import PipelineConfig
from steelyard.store import RunDir

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

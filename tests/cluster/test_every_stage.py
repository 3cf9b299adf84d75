"""The long matrix, by hand (make test-faults): a worker lost, and a driver killed, in each stage that asks Spark."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from results import results
from standalone import Cluster
from watching import anywhere, driver, stopped_in

from steelyard.config import STAGES, PipelineConfig
from steelyard.store import RunDir

pytestmark = pytest.mark.faults

Config = Callable[..., PipelineConfig]
ON_SPARK = STAGES[1 : STAGES.index("report")]  # before the first there is no run that could be gone on with


@pytest.mark.parametrize("stage", ON_SPARK)
def test_a_worker_lost(cluster: Cluster, copied: RunDir, config: Config, reference: RunDir, stage: str) -> None:
    copied.delete(f"stages/{stage}.json")
    with driver(cluster, copied, config()) as at:
        stopped, _ = stopped_in(at, stage, anywhere)
        cluster.kill_worker_of(stopped)
        cluster.add_worker(1)
        assert at.ended() == 0, at.log.read_text()
    assert results(copied) == results(reference)


@pytest.mark.parametrize("stage", ON_SPARK)
def test_a_driver_killed_and_resumed(
    cluster: Cluster, copied: RunDir, config: Config, reference: RunDir, stage: str
) -> None:
    copied.delete(f"stages/{stage}.json")
    with driver(cluster, copied, config()) as at:
        stopped, _ = stopped_in(at, stage, anywhere)
        os.killpg(at.started.pid, signal.SIGKILL)
        os.kill(stopped, signal.SIGCONT)
        assert at.ended() == -signal.SIGKILL
    assert copied.outcome(stage) is None
    with driver(cluster, copied, config()) as at:
        assert at.ended() == 0, at.log.read_text()
    assert results(copied) == results(reference)

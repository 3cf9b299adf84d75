"""Run a driver as a process, and stop an executor in the middle of a chosen Spark stage.

A Spark stage may last 0.2 s, and a busy machine may delay the test for longer. So the test needs no timing: the driver
and an executor run in turn. While the executor is stopped (SIGSTOP), the driver gives it a task and waits for it, and
Spark's REST API describes the task. If this is not the wanted place, the driver is stopped and the executor runs. A
stopped driver starts no task, so the executor finishes at most one task before the test looks again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from command_line import BIN
from standalone import Cluster, answer, free_ports, process, wait_for

from steelyard.config import STAGES, PipelineConfig
from steelyard.store import RunDir

Stage = dict[str, Any]  # as Spark's REST API describes it


@dataclass
class Driver:
    """A running `steelyard run --resume`.

    Parameters
    ----------
    run : RunDir
    api : str
        Spark's REST API.
    cores : int
        As many executors are waited for.
    started : Popen
    log : Path
    """

    run: RunDir
    api: str
    cores: int
    started: subprocess.Popen[bytes]
    log: Path

    def ended(self) -> int:
        """Return the exit code."""
        return self.started.wait(300)

    def has_begun(self, stage: str) -> bool:
        """Whether a stage is being executed: the outcome before it is there, its own and that of `gate` are not."""
        if self.started.poll() is not None:
            raise RuntimeError(f"the run has ended\n{self.log.read_text()[-4000:]}")
        before = self.run.outcome(STAGES[STAGES.index(stage) - 1])
        return before is not None and before.done and not any(map(self.run.outcome, (stage, "gate")))

    def ask(self, what: str) -> Any:
        """Return what the REST API says of this application."""
        [application] = answer(f"{self.api}/applications")
        return answer(f"{self.api}/applications/{application['id']}/{what}")

    def executors(self) -> list[str]:
        """Return the executors that are alive."""
        return [e["id"] for e in self.ask("executors") if e["id"] != "driver" and e["isActive"]]

    def awaited(self, executor: str) -> Stage:
        """Return a stage of Spark's of which a task is at work on an executor, with its `tasks`; else nothing."""
        for stage in self.ask("stages?status=active"):
            stage["tasks"] = self.ask(f"stages/{stage['stageId']}/{stage['attemptId']}/taskList?length=1000")
            if executor in at_work(stage).values():
                return dict(stage)
        return {}

    def waits_for_one(self, stage: Stage) -> bool:
        """Whether a stage of Spark's waits for one executor alone: no other one has a task of it left."""
        return bool(stage["numTasks"] - stage["numCompleteTasks"] == 1 or self.cores == 1)


@contextmanager
def driver(cluster: Cluster, run: RunDir, config: PipelineConfig, cores: int = 2) -> Iterator[Driver]:
    """Go on with a run on the cluster, in a process of its own, with an executor for each core."""
    [port] = free_ports(1)
    conf = {"spark.cores.max": cores, "spark.ui.enabled": True, "spark.ui.port": port, "spark.ui.liveUpdate.period": 0}
    document = {**config.to_json(), "spark": {"master": cluster.url, "conf": conf}}
    store = Path(run.location).parents[1]
    command = [BIN / "steelyard", "run", json.dumps(document), "--store", store, "--run-id", "r1", "--resume"]
    log = store / f"driver-{port}.log"
    with process(command, cluster.env, log) as started:
        yield Driver(run, f"http://127.0.0.1:{port}/api/v1", cores, started, log)


def process_of(executor: str, application: Driver) -> int:
    """Return the process of an executor."""
    [app] = answer(f"{application.api}/applications")
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except OSError:
            continue
        given = dict(pairwise(words))
        if given.get("--app-id") == app["id"] and given.get("--executor-id") == executor:
            return int(entry.name)
    raise AssertionError(f"executor {executor} has no process")


def stopped_in(at: Driver, stage: str, wanted: Callable[[Stage], bool]) -> tuple[int, int]:
    """Stop an executor where the driver waits for it in a stage of the pipeline.

    Parameters
    ----------
    wanted : callable
        Takes a stage of Spark's and says whether this is the place.

    Returns
    -------
    int
        The process of the executor, which is stopped.
    int
        That of another executor, which is not, if there is one.
    """
    wait_for(lambda: at.has_begun(stage), 300, f"stage {stage}", at.log)
    wait_for(lambda: len(at.executors()) == at.cores, 120, "as many executors", at.log)
    known = at.executors()
    one, other = known[0], known[-1]
    stopped, running = process_of(one, at), process_of(other, at)
    deadline = time.monotonic() + 300
    os.kill(stopped, signal.SIGSTOP)
    while time.monotonic() < deadline and at.has_begun(stage):
        # The other executor finishes its tasks now, unless they need this one: to fetch its rows, or to train with it.
        found = within(2, lambda: (now := at.awaited(one)) and (wanted(now) or at.waits_for_one(now)) and now)
        if found and wanted(found):
            return stopped, running
        let_work(at, stopped)
    os.kill(stopped, signal.SIGCONT)
    raise AssertionError(f"{stage} was never where it was wanted\n{at.log.read_text()[-4000:]}")


def let_work(at: Driver, stopped: int) -> None:
    """Continue a stopped executor for a moment, in which it can finish its task but get no other one."""
    os.killpg(at.started.pid, signal.SIGSTOP)
    os.kill(stopped, signal.SIGCONT)
    time.sleep(0.05)  # short: a task asks the driver for its code and waits until the driver runs again
    os.kill(stopped, signal.SIGSTOP)
    os.killpg(at.started.pid, signal.SIGCONT)
    time.sleep(0.05)  # for the driver to answer, or to receive the result and start the next task


def at_work(stage: Stage) -> dict[int, str]:
    """Return the tasks that are being worked on, and the executor of each."""
    return {t["taskId"]: t["executorId"] for t in stage.get("tasks", []) if t["status"] == "RUNNING"}


def within(seconds: float, true: Callable[[], Any]) -> Any:
    """Return the first true answer, or a false one when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def anywhere(stage: Stage) -> bool:
    """Any running task, except those by which a driver checks the workers before its first stage."""
    return bool(at_work(stage)) and "/frames/workers.py" not in str(stage["name"])


def together(stage: Stage) -> bool:
    """XGBoost's two tasks, both at work."""
    return stage["numTasks"] == len(at_work(stage)) == 2 and "/learning/_xgboost" in str(stage["name"])


def written(stage: Stage) -> bool:
    """Rows for a shuffle lie with the executor that isn't stopped, and nobody can have read them yet."""
    waiting = at_work(stage).values()
    done = [t for t in stage["tasks"] if t["status"] == "SUCCESS" and t["executorId"] not in waiting]
    return sum(t["taskMetrics"]["shuffleWriteMetrics"]["recordsWritten"] for t in done) >= 100

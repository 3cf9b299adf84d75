"""How benchmarks time: one session, runs in turns, medians, memory, and tables with machine and versions."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OURS = "steelyard"
IN_PROCESS = ("imbalanced-learn", "one process", "script")  # peers that a first run does not speed up
_IDLE = 50.0  # Spark stops Python workers after a minute without work
_VERSIONS = ("pyspark", "numpy", "pandas", "xgboost", "scikit-learn", "imbalanced-learn", "faiss-cpu")

Runs = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Row:
    """A line of a table: seconds of steelyard and of its peers.

    Parameters
    ----------
    part : str
        What runs, and on how many rows.
    seconds : mapping of str to float
        Medians by name; `steelyard` is one of them.
    goal : str
        The ratio to each peer that it should have.
    note : str
    """

    part: str
    seconds: Mapping[str, float]
    goal: str = ""
    note: str = ""

    def __str__(self) -> str:
        ours = self.seconds[OURS]
        peers = {name: s for name, s in self.seconds.items() if name != OURS}
        shown = "<br>".join(f"{name} {s:.2f}" for name, s in peers.items()) or "–"
        ratios = "<br>".join(f"{ours / s:.2f}" for s in peers.values()) or "–"
        return f"| {self.part} | {ours:.2f} | {shown} | {ratios} | {self.goal} | {self.note} |"


HEAD = "| part | steelyard, s | peers, s | ratio | goal | |\n| --- | --- | --- | --- | --- | --- |"


def session(cores: int = 2, memory: str = "4g") -> SparkSession:
    """Return a local session with the settings of `steelyard run`."""
    from steelyard.config import SparkConfig
    from steelyard.stages.commands.session import own_session

    return own_session(SparkConfig(master=f"local[{cores}]", conf={"spark.driver.memory": memory}))


def seconds(run: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def in_turns(runs: Runs, repeats: int, *, warm: bool = True) -> dict[str, float]:
    """Return the median seconds of several calls that run in turns.

    Parameters
    ----------
    runs : mapping of str to callable
        By name; peers first, `steelyard` last.
    repeats : int
    warm : bool, default True
        Run once without counting: all that use Spark at first, and ours whenever its Python workers have ended because
        a peer took longer than Spark keeps them.
    """
    spent: dict[str, list[float]] = {name: [] for name in runs}
    ended = time.perf_counter()
    if warm:
        for name, run in runs.items():
            if name not in IN_PROCESS:
                run()
        ended = time.perf_counter()
    for _ in range(repeats):
        for name, run in runs.items():
            if warm and name == OURS and time.perf_counter() - ended > _IDLE:
                run()
            spent[name].append(seconds(run))
            if name == OURS:
                ended = time.perf_counter()
    return {name: statistics.median(of) for name, of in spent.items()}


def resident(process: Path) -> float:
    """Return a process's resident memory in MiB."""
    said = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
    return int(said["VmRSS"].split()[0]) / 1024


def own(process: Path) -> bool:
    """Whether a process descends from this one."""
    pid = process.name
    while pid not in ("0", "1"):
        if int(pid) == os.getpid():
            return True
        pid = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[1]
    return False


class Memory:
    """The largest resident memory of own Python workers of Spark while a block runs, and this process's growth, MiB."""

    def __enter__(self) -> Memory:
        self.peak, self.before, self.over = 0.0, resident(Path("/proc/self")), threading.Event()
        self.driver = self.before
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watcher.join()

    def _watch(self) -> None:
        while not self.over.wait(0.2):
            self.driver = max(self.driver, resident(Path("/proc/self")))
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if b"pyspark.daemon" in (process / "cmdline").read_bytes() and own(process):
                        self.peak = max(self.peak, resident(process))
                except (OSError, KeyError, ValueError):
                    continue

    def __str__(self) -> str:
        return f"workers {self.peak:.0f} MiB, driver's Python + {self.driver - self.before:.0f} MiB"


def conditions(cores: int = 2) -> str:
    """Return date, machine, load and versions, as a sentence each."""
    found = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {cores} of {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}, {found}. "
        f"Load of the last five minutes before the start: {os.getloadavg()[1]:.1f}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def show(row: Row) -> Row:
    """Print a row at once, and return it."""
    print(row, flush=True)
    return row


def page(title: str, text: str, rows: Sequence[object], head: str = HEAD) -> str:
    """Return a page of results."""
    return f"# {title}\n\n{text}\n\n{head}\n" + "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    sys.exit("benchmarks/bench.py runs the benchmarks")

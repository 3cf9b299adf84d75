"""A Spark standalone cluster for tests: a master and workers in processes of their own, on free ports of loopback."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interpreters import python_that_has_imported
from java_options import java_options

# What costs time and changes no result: to compile and to adapt plans, pages that nobody looks at.
_SETTINGS = """
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.executor.memory 1g
spark.cores.max 2
spark.ui.enabled false
spark.ui.showConsoleProgress false
spark.sql.session.timeZone UTC
spark.sql.shuffle.partitions 2
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.adaptive.enabled false
"""

_LOG = """
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n
"""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@contextmanager
def process(command: Sequence[object], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own, which ends with the block."""
    with log.open("wb") as file:
        started = subprocess.Popen(
            list(map(str, command)), env=dict(env), cwd=log.parent, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield started
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(started.pid, how)
                started.wait(20)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue


def wait_for(done: Callable[[], Any], seconds: float, what: str, log: Path | None = None, every: float = 0.1) -> Any:
    """Return the first true answer, asked for every so many seconds; fail with the end of the log."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = done()
        except (OSError, ValueError, AssertionError):
            found = None
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"{what} not within {seconds} s\n{log.read_text()[-4000:] if log is not None else ''}")


def answer(url: str) -> Any:
    """Return the JSON that an address answers with."""
    with urllib.request.urlopen(url, timeout=10) as found:
        return json.load(found)


@dataclass
class Cluster:
    """A running master.

    Parameters
    ----------
    port : int
        Of the master, for applications.
    web : str
        The master's page.
    env : dict of str to str
        The environment to submit with.
    """

    folder: Path
    port: int
    web: str
    env: dict[str, str]
    _processes: ExitStack
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    def add_worker(self, cores: int = 2) -> None:
        """Start a worker and wait until the master knows it."""
        before = answer(f"{self.web}/json/")["aliveworkers"]
        name = f"worker{len(self._workers)}"
        command = [*_daemon("worker.Worker"), "--webui-port", free_ports(1)[0], "--cores", cores]
        command += ["--memory", f"{cores}g", "--work-dir", self.folder / name, self.url]
        log = self.folder / f"{name}.log"
        self._workers.append(self._processes.enter_context(process(command, self.env, log)))
        wait_for(lambda: answer(f"{self.web}/json/")["aliveworkers"] > before, 90, "a Spark worker", log)

    def kill_worker_of(self, executor: int) -> None:
        """Kill the worker of an executor's process with all its executors, as when a machine is lost."""
        before = answer(f"{self.web}/json/")["aliveworkers"]
        group = os.getpgid(executor)
        [worker] = [w for w in self._workers if w.pid == group]
        os.killpg(group, signal.SIGKILL)
        worker.wait(20)
        wait_for(lambda: answer(f"{self.web}/json/")["aliveworkers"] < before, 90, "the end of a worker")


def _daemon(name: str) -> list[object]:
    import pyspark

    run = Path(pyspark.__file__).parent / "bin" / "spark-class"
    return [run, f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1"]


@contextmanager
def spark_cluster(folder: Path, workers: Sequence[int], settings: str = "") -> Iterator[Cluster]:
    """Start a Spark standalone cluster.

    Parameters
    ----------
    folder : Path
    workers : sequence of int
        The cores of each worker; it has as many GiB of memory.
    settings : str
        Lines as of `spark-defaults.conf`, for what is submitted with the cluster's environment.
    """
    import pyspark

    folder.mkdir(parents=True)
    (folder / "log4j2.properties").write_text(_LOG)
    said = f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"
    executors = f"spark.executor.extraJavaOptions {java_options()} {said}"
    given = [line.split(maxsplit=1) for line in f"{_SETTINGS}{settings}{executors}".split("\n") if line]
    # Not by spark-defaults.conf: Java takes classes from an archive only where no folder is among their places.
    options = shlex.join([said, *(f"-D{name}={value}" for name, value in given)])
    port, ui = free_ports(2)
    env = {
        **os.environ,
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "SPARK_SUBMIT_OPTS": f"{java_options()} {options}",
        "SPARK_DAEMON_JAVA_OPTS": f"{java_options()} {shlex.quote(said)}",
        "SPARK_LOCAL_IP": "127.0.0.1",
        # Most tasks need these two, and each application starts workers of its own.
        "PYSPARK_PYTHON": python_that_has_imported(folder / "python", ("pyspark.worker", "pandas", "pyarrow")),
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    with ExitStack() as processes:
        master, log = [*_daemon("master.Master"), "--port", port, "--webui-port", ui], folder / "master.log"
        processes.enter_context(process(master, env, log))
        cluster = Cluster(folder, port, f"http://127.0.0.1:{ui}", env, processes)
        wait_for(lambda: answer(f"{cluster.web}/json/"), 90, "a Spark master", log)
        for cores in workers:
            cluster.add_worker(cores)
        yield cluster

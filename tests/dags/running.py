"""A running Airflow and a running Spark cluster for tests: processes of their own, on free ports of loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

# What costs time and changes no result: a second compiler, collecting threads, pages that nobody looks at.
_SPARK = """
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 1g
spark.executor.memory 1g
spark.cores.max 2
spark.ui.enabled false
spark.sql.session.timeZone UTC
spark.sql.shuffle.partitions 2
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.adaptive.enabled false
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.executor.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
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


def wait_for(done: Callable[[], Any], seconds: float, what: str, log: Path | None = None) -> Any:
    """Return the first true answer; fail with the end of the log."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = done()
        except (OSError, ValueError, AssertionError):
            found = None
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what} not within {seconds} s\n{log.read_text()[-4000:] if log is not None else ''}")


@contextmanager
def spark_cluster(folder: Path) -> Iterator[Mapping[str, str]]:
    """Start a Spark standalone master and a worker with room for two jobs; gives the environment to submit with."""
    import pyspark

    home = Path(pyspark.__file__).parent
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "spark-defaults.conf").write_text(_SPARK)
    (folder / "conf" / "log4j2.properties").write_text(_LOG)
    port, ui, worker_ui = free_ports(3)
    env = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    run, deploy = home / "bin" / "spark-class", "org.apache.spark.deploy"
    master = [run, f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", ui]
    worker = [run, f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--webui-port", worker_ui, "--cores", 4]
    worker += ["--memory", "4g", "--work-dir", folder / "work", f"spark://127.0.0.1:{port}"]
    with process(master, env, folder / "master.log"), process(worker, env, folder / "worker.log"):

        def alive() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{ui}/json/", timeout=5) as answer:
                return bool(json.load(answer)["aliveworkers"])

        wait_for(alive, 90, "a Spark worker", folder / "worker.log")
        yield {
            **env,
            "AIRFLOW_CONN_SPARK_DEFAULT": f'{{"conn_type": "spark", "host": "spark://127.0.0.1", "port": {port}}}',
        }


@dataclass
class Scheduler:
    """A running Airflow, spoken to by its REST API."""

    url: str
    home: Path
    token: str = ""

    def call(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Return what the API answers to `/api/v2/<path>`."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method or ("GET" if body is None else "POST"),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method or 'call'} {path}: {error.code} {error.read().decode()[:2000]}") from error

    def ask_token(self) -> str:
        """Return a token for all that the API offers."""
        with urllib.request.urlopen(f"{self.url}/auth/token", timeout=10) as answer:
            return str(json.load(answer)["access_token"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """Return the runs of a DAG, the earliest first."""
        found = self.call(f"dags/{dag}/dagRuns?limit=100")["dag_runs"]
        return sorted(found, key=lambda r: r["run_after"])

    def states(self, dag: str, run: str) -> dict[str, tuple[str, int]]:
        """Return state and number of tries of each task."""
        found = self.call(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {t["task_id"]: (t["state"], t["try_number"]) for t in found}


@contextmanager
def airflow(home: Path, env: Mapping[str, str]) -> Iterator[Scheduler]:
    """Start `airflow standalone` with a home and a database of its own."""
    api, worker_logs, trigger_logs = free_ports(3)
    url = f"http://127.0.0.1:{api}"
    folder = str(BIN)
    # As from an environment that nobody has activated: an operator must find spark-submit all the same.
    path = os.pathsep.join(p for p in env["PATH"].split(os.pathsep) if p != folder)
    settings = {
        "CORE__DAGS_FOLDER": REPOSITORY / "dags",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": True,
        "CORE__DEFAULT_TASK_RETRY_DELAY": 1,
        "CORE__PARALLELISM": 2,
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": True,
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "API__HOST": "127.0.0.1",
        "API__PORT": api,
        "API__BASE_URL": url,
        "API__WORKERS": 1,
        "LOGGING__WORKER_LOG_SERVER_PORT": worker_logs,
        "LOGGING__TRIGGER_LOG_SERVER_PORT": trigger_logs,
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": 1,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 30,
    }
    given = {f"AIRFLOW__{name}": str(value) for name, value in settings.items()}
    home.mkdir(parents=True)
    # standalone starts its parts by the name `airflow`.
    shim = home / "bin"
    shim.mkdir()
    (shim / "airflow").symlink_to(BIN / "airflow")
    full = {**env, **given, "AIRFLOW_HOME": str(home), "PATH": f"{shim}{os.pathsep}{path}"}
    with process([BIN / "airflow", "standalone"], full, home / "standalone.log"):
        made = Scheduler(url, home)
        made.token = wait_for(made.ask_token, 180, "Airflow's API", home / "standalone.log")
        yield made

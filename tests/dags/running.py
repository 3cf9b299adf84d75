"""A running Airflow for tests: processes of its own, on free ports of loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standalone import answer, free_ports, process, wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

_LOCKED = 503  # the answer while another process writes to SQLite
_TRIES = 30


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
        for again in reversed(range(_TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=60) as found:
                    return json.load(found)
            except urllib.error.HTTPError as error:
                said = error.read().decode()[:2000]
                if error.code != _LOCKED or not again:
                    raise AssertionError(f"{method or 'call'} {path}: {error.code} {said}") from error
                time.sleep(1)

    def ask_token(self) -> str:
        """Return a token for all that the API offers."""
        return str(answer(f"{self.url}/auth/token")["access_token"])

    def wait_for(self, done: Callable[[], Any], seconds: float, what: str) -> Any:
        """Return the first true answer; ask once a second, because an answer takes the API 20 ms of the processor."""
        return wait_for(done, seconds, what, self.home / "scheduler.log", every=1)

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
    """Start the processes that run DAGs, with a home and a database of their own.

    `airflow standalone` would start a triggerer too, which no task here needs.
    """
    api, worker_logs = free_ports(2)
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
        # The files of DAGs do not change, and a task that is ready may wait for a second or two.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 2,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 600,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 600,
    }
    given = {f"AIRFLOW__{name}": str(value) for name, value in settings.items()}
    home.mkdir(parents=True)
    full = {**env, **given, "AIRFLOW_HOME": str(home), "PATH": path}
    # It writes a configuration with the secret that the processes share.
    subprocess.run([BIN / "airflow", "db", "migrate"], env=full, cwd=home, check=True, capture_output=True)
    with ExitStack() as processes:
        for part in ("api-server", "scheduler", "dag-processor"):
            processes.enter_context(process([BIN / "airflow", part], full, home / f"{part}.log"))
        made = Scheduler(url, home)
        made.token = wait_for(made.ask_token, 180, "Airflow's API", home / "api-server.log")
        yield made


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def driver_of(job: str, run_id: str) -> int | None:
    """Return the Python process that spark-submit has started for a stage of a run."""
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if (
            any(w.endswith(job) for w in words)
            and run_id in words
            and "org.apache.spark.deploy.SparkSubmit" not in words
        ):
            return int(entry.name)
    return None


def kill_the_task(job: str, run_id: str, at_work: float = 2) -> list[int]:
    """Kill a task as a machine that fails does: the task, spark-submit and the driver at once."""
    driver = wait_for(lambda: driver_of(job, run_id), 240, f"a driver of {job}", every=0.5)
    time.sleep(at_work)  # seconds, so that it has begun
    submit = parent(driver)
    found = [parent(submit), submit, driver]
    for end in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: none of them sees, and writes, that another has ended
        for pid in found:
            os.kill(pid, end)
    return found

"""The containers for real: built, started, a job and a DAG on their cluster, all of it torn down (make test-docker)."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stack import PROJECT, REPOSITORY, Stack, engine

pytestmark = [pytest.mark.docker, pytest.mark.timeout(3000)]

LOGIN = "/var/lib/airflow/simple_auth_manager_passwords.json.generated"
PIPELINE = """# Parts from a press; few are cracked.
version: 1
name: cracks
data: {path: ../data/parts.parquet, label: cracked, positive: 1, key: part}
split: {validation: 0.2, test: 0.2, seed: 7}
resample: {method: smote, sampling_strategy: 0.3}
train: {model: xgboost, params: {n_estimators: 30, max_depth: 3}}
gate: {roc_auc: {min: 0.8}}
"""


def parts() -> pd.DataFrame:
    """4,000 rows, 5 % of them positive."""
    rng = np.random.default_rng(5)
    cracked = (np.arange(4000) % 20 == 0).astype(int)
    x = rng.normal(size=(4000, 3)) + 1.5 * cracked[:, None]
    return pd.DataFrame({"part": np.arange(4000), "a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "cracked": cracked})


def free_ports(count: int) -> list[int]:
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(done: Callable[[], Any], seconds: float) -> Any:
    """Return the first true answer, or the last one."""
    deadline = time.monotonic() + seconds
    while not (found := done()) and time.monotonic() < deadline:
        time.sleep(2)
    return found


def named(requirements: str) -> set[tuple[str, str]]:
    """Return the names, in their normal form, and versions of `name==version` lines."""
    pairs = [line.partition(" ;")[0].strip().partition("==") for line in requirements.splitlines()]
    return {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, _, version in pairs}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """All services up and healthy; root tests with folders of a user that is neither root nor the default."""
    missing = engine()
    if missing and os.environ.get("STEELYARD_NEEDS_DOCKER"):
        pytest.fail(f"{missing}, though STEELYARD_NEEDS_DOCKER says that a Docker engine must be here")
    if missing:
        pytest.skip(f"needs a Docker engine with Compose: {missing}")
    folder, user = Path(tempfile.mkdtemp(prefix="steelyard-docker-")), os.getuid() or 12345
    for name in ("runs", "data", "pipelines"):
        (folder / name).mkdir()
    parts().to_parquet(folder / "data" / "parts.parquet", index=False)
    (folder / "pipelines" / "cracks.yaml").write_text(PIPELINE)
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user)
    made = Stack(folder, user, dict(zip(("master", "history", "airflow"), free_ports(3), strict=True)))
    try:
        made.compose("up", "-d", "--wait", "--wait-timeout", "600", "--build", timeout=2400)
        yield made
    finally:
        print(made.compose("logs", "--tail", "60", check=False))  # noqa: T201  pytest shows it for what failed
        made.compose("--profile", "job", "down", "--volumes", "--rmi", "all", "--remove-orphans")
        shutil.rmtree(folder)


def test_two_workers_serve_the_master(stack: Stack) -> None:
    workers = stack.get("master", "json/")["workers"]
    assert [(w["state"], w["cores"]) for w in workers] == [("ALIVE", 2), ("ALIVE", 2)]


def test_ports_are_open_on_loopback_alone(stack: Stack) -> None:
    services = [json.loads(line) for line in stack.compose("ps", "--format", "json").splitlines()]
    assert {s["Health"] for s in services} == {"healthy"} and len(services) == 5
    open_ports = [(s["Service"], p["URL"], p["PublishedPort"]) for s in services for p in s["Publishers"] or ()]
    assert sorted(open_ports) == sorted((name, "127.0.0.1", port) for name, port in stack.ports.items())


@pytest.fixture(scope="module")
def done(stack: Stack) -> dict[str, Any]:
    """What the job says of its run."""
    said = stack.job("steelyard", "run", "pipelines/cracks.yaml", "--run-id", "by_hand", "--json")
    found: dict[str, Any] = json.loads(said)
    return found


def test_a_job_runs_on_the_cluster(stack: Stack, done: dict[str, Any]) -> None:
    assert done["status"] == "done" and done["run_dir"] == "/srv/steelyard/runs/cracks/by_hand"
    assert done["splits"]["test"]["per_class"]["1"]["roc_auc"]["value"] > 0.8
    apps = wait_for(lambda: stack.get("master", "json/")["completedapps"], 60)
    assert [(a["name"], a["state"]) for a in apps] == [("steelyard", "FINISHED")]


def test_the_host_s_user_owns_the_run_and_reads_its_report(stack: Stack, done: dict[str, Any]) -> None:
    run = stack.folder / "runs" / "cracks" / "by_hand"
    assert {p.stat().st_uid for p in run.rglob("*")} == {stack.user}
    assert {len(list(run.glob(f"{kind}/*/**/*.parquet"))) > 0 for kind in ("resample", "scores")} == {True}
    assert "<title>" in stack.as_user("cat", run / "report.html")
    stack.as_user("cp", "-r", run, run.with_name("copy"))
    stack.as_user("rm", "-r", run.with_name("copy"))


def test_a_dag_triggered_by_the_api_ends_well_on_the_cluster(stack: Stack, done: dict[str, Any]) -> None:
    login = json.loads(stack.compose("exec", "-T", "airflow", "cat", LOGIN))
    token = stack.airflow("auth/token", {"username": "admin", "password": login["admin"]})["access_token"]
    stack.airflow("api/v2/dags/cracks", {"is_paused": False}, "PATCH", token)
    dag_run = stack.airflow("api/v2/dags/cracks/dagRuns", {"logical_date": None}, token=token)["dag_run_id"]

    def ended() -> str | None:
        state = stack.airflow(f"api/v2/dags/cracks/dagRuns/{dag_run}", token=token)["state"]
        return str(state) if state in ("success", "failed") else None

    assert wait_for(ended, 1500) == "success"

    (run,) = (p for p in (stack.folder / "runs" / "cracks").iterdir() if not p.name.startswith(("_", "by_hand")))
    metrics = json.loads(stack.as_user("cat", run / "metrics.json"))
    # The same rows, so the same numbers, in another driver.
    assert metrics["splits"] == done["splits"] and metrics["threshold"] == done["threshold"]
    assert {p.stat().st_uid for p in run.rglob("*")} == {stack.user}
    apps = stack.get("master", "json/")["completedapps"]
    assert len(apps) > 8 and {a["state"] for a in apps} == {"FINISHED"}


def test_the_history_server_shows_what_has_ended(stack: Stack, done: dict[str, Any]) -> None:
    apps = wait_for(lambda: stack.get("history", "api/v1/applications?status=completed"), 60)
    assert "steelyard" in {app["name"] for app in apps}


@pytest.mark.parametrize("image", ["spark", "airflow"])
def test_images_hold_no_secret_and_run_as_no_root(stack: Stack, image: str) -> None:
    def docker(*words: str) -> str:
        return subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120, check=True).stdout

    name = f"{PROJECT}-{image}"
    (about,) = json.loads(docker("image", "inspect", name))
    assert about["Config"]["User"] == str(stack.user)
    words = ("password", "secret", "token", "fernet")
    assert not [v for v in about["Config"]["Env"] if any(w in v.lower() for w in words)]
    # Airflow makes its keys when it starts, in a volume; and of the checkout an image has what it needs.
    assert docker("run", "--rm", name, "find", f"/var/lib/{image}", "-type", "f") == ""
    has = docker("run", "--rm", name, "ls", "/srv/steelyard").split()
    assert has == (["dags", "runs", "spark_jobs"] if image == "airflow" else ["runs", "spark_jobs"])


def test_containers_of_one_release_have_the_same_libraries(stack: Stack) -> None:
    """Drivers in Airflow's container and executors in the workers' must fit, and be those of constraints.txt."""
    freeze = ("python", "-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check")
    worker, airflow = (named(stack.compose("exec", "-T", s, *freeze)) for s in ("worker", "airflow"))
    assert worker - airflow == set()
    pinned = named((REPOSITORY / "constraints.txt").read_text())
    assert {name for name, _ in airflow - pinned} == {"steelyard", "pip", "setuptools"}

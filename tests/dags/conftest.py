"""Airflow for tests: its home in a temporary folder, named before anything imports it."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from running import Scheduler

LOCAL = {"host": "local[2]"}
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="steelyard-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW_CONN_SPARK_DEFAULT"] = json.dumps({"conn_type": "spark", **LOCAL})
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the DAG files take their pipelines from."""
    folder = tmp_path / "pipelines"
    folder.mkdir()
    monkeypatch.setenv("STEELYARD_PIPELINES", str(folder))
    monkeypatch.setenv("STEELYARD_STORE", str(tmp_path / "runs"))
    return folder


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, real_data: Callable[[str], str]) -> Path:
    """A folder with the pipelines and tables of `days`."""
    from days import make_place

    return make_place(tmp_path_factory.mktemp("operations"), real_data("wilt"))


@pytest.fixture(scope="session")
def running(place: Path) -> Iterator[Scheduler]:
    """Airflow on the pipelines, all DAGs still paused."""
    from days import dags
    from running import airflow
    from standalone import spark_cluster

    settings = {"PIPELINES": place / "pipelines", "STORE": place / "runs", "STORE_URL": "https://reports.example/runs"}
    settings |= {"ALLOWED_MODULES": "heard"}
    own = {f"STEELYARD_{name}": str(value) for name, value in settings.items()}
    with spark_cluster(place / "spark", [4]) as cluster:
        for name, master in (("DEFAULT", {"host": "spark://127.0.0.1", "port": cluster.port}), ("LOCAL", LOCAL)):
            own[f"AIRFLOW_CONN_SPARK_{name}"] = json.dumps({"conn_type": "spark", **master})
        paths = os.pathsep.join(p for p in (str(place), cluster.env.get("PYTHONPATH")) if p)
        with airflow(place / "airflow", {**cluster.env, **own, "PYTHONPATH": paths}) as scheduler:
            scheduler.wait_for(lambda: len(dags(scheduler)) == 5, 120, "five DAGs")
            yield scheduler

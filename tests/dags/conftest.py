"""Airflow for tests: its home in a temporary folder, named before anything imports it."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="steelyard-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW_CONN_SPARK_DEFAULT"] = '{"conn_type": "spark", "host": "local[2]"}'
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


@dataclass(frozen=True)
class Airflow:
    """The `airflow` command with a home of its own, started as from an environment that nobody has activated."""

    home: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = str(Path(sys.executable).parent)
        path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != folder)
        return subprocess.run(
            [f"{folder}/airflow", *arguments],
            env={
                **os.environ,
                "PATH": path,
                "AIRFLOW_HOME": str(self.home),
                "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
                "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            },
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """The `airflow` command with a fresh database."""
    made = Airflow(tmp_path_factory.mktemp("airflow"))
    migrated = made("db", "migrate")
    assert migrated.returncode == 0, migrated.stdout[-3000:]
    return made


@pytest.fixture
def write_pipeline(pipelines: Path, real_data: Callable[[str], str]) -> Callable[..., Path]:
    """Return a function that writes a small pipeline on a real table."""

    def write(name: str, **sections: str) -> Path:
        parts = {
            "data": f"{{path: {real_data('wilt')}, label: Class, positive: 2}}",
            "split": "{validation: 0.2, test: 0.2, seed: 7}",
            "train": "{model: logistic_regression}",
            **sections,
        }
        file = pipelines / f"{name}.yaml"
        file.write_text(f"version: 1\nname: {name}\n" + "".join(f"{k}: {v}\n" for k, v in parts.items()))
        return file

    return write

"""Airflow for tests: its home in a temporary folder, named before anything imports it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

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

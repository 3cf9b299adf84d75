"""What DAGs must know of the place where they run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow.sdk import Asset


@dataclass(frozen=True)
class Deployment:
    """Where jobs and run directories are, and who is told of failures.

    Parameters
    ----------
    store : str
        Where run directories go, a path or URI that both the driver and Airflow's workers see.
    jobs : str
        The folder of `job_<stage>.py`.
    store_url : str, optional
        Where a browser finds the store; links in Airflow begin with it. By default they are the files' own URIs.
    on_failure : str, optional
        Dotted path of a function `(message, context)`, for pipelines that name none themselves.
    submit : mapping
        For each `SparkSubmitOperator`: `py_files`, `conf`, `executor_memory`, …
    """

    store: str
    jobs: str
    store_url: str | None = None
    on_failure: str | None = None
    submit: Mapping[str, Any] = field(default_factory=dict)


def settings(repository: Path) -> tuple[str, Deployment]:
    """Return what the DAG files are told by the environment: the folder of the pipelines, and the deployment.

    `STEELYARD_PIPELINES`, `STEELYARD_STORE` and `STEELYARD_JOBS` are by default `pipelines`, `runs` and `spark_jobs` in
    `repository`; `STEELYARD_STORE_URL` and `STEELYARD_ON_FAILURE` are unset.
    """

    def given(name: str) -> str | None:
        return os.environ.get(f"STEELYARD_{name}") or None

    store, jobs = given("STORE") or str(repository / "runs"), given("JOBS") or str(repository / "spark_jobs")
    deployment = Deployment(store, jobs, given("STORE_URL"), given("ON_FAILURE"))
    return given("PIPELINES") or str(repository / "pipelines"), deployment


def pipeline_asset(store: str, name: str) -> Asset:
    """Return the asset that a pipeline's `gate` emits once it has passed, and nothing else does.

    Its URI is that of the pipeline's folder in the store: `file:///srv/runs/card_fraud`, `s3a://bucket/runs/card_fraud`.
    """
    root = store.rstrip("/") if "://" in store else Path(store).absolute().as_uri()
    return Asset(f"{root}/{name}")

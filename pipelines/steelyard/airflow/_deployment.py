"""The settings of a deployment for its DAGs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow.sdk import Asset


@dataclass(frozen=True)
class Deployment:
    """The places of jobs and run directories, and the function that is called on failures.

    Parameters
    ----------
    store : str
        Where run directories are stored, a path or URI that both the driver and Airflow's workers reach.
    jobs : str
        The folder of `job_<stage>.py`.
    store_url : str, optional
        The store's address in a browser, for links in Airflow. By default, links are the files' own URIs.
    on_failure : str, optional
        Dotted path of a function `(message, context)`, for pipelines that do not name their own.
    submit : mapping
        For each `SparkSubmitOperator`: `py_files`, `conf`, `executor_memory`, …
    """

    store: str
    jobs: str
    store_url: str | None = None
    on_failure: str | None = None
    submit: Mapping[str, Any] = field(default_factory=dict)


def settings(repository: Path) -> tuple[str, Deployment]:
    """Return the folder of the pipelines and the deployment, from environment variables.

    The defaults of `STEELYARD_PIPELINES`, `STEELYARD_STORE` and `STEELYARD_JOBS` are `pipelines`, `runs` and
    `spark_jobs` in `repository`; `STEELYARD_STORE_URL` and `STEELYARD_ON_FAILURE` have none.
    """

    def given(name: str) -> str | None:
        return os.environ.get(f"STEELYARD_{name}") or None

    store, jobs = given("STORE") or str(repository / "runs"), given("JOBS") or str(repository / "spark_jobs")
    deployment = Deployment(store, jobs, given("STORE_URL"), given("ON_FAILURE"))
    return given("PIPELINES") or str(repository / "pipelines"), deployment


def pipeline_asset(store: str, name: str) -> Asset:
    """Return the asset that only a pipeline's passed `gate` emits.

    Its URI is that of the pipeline's folder in the store: `file:///srv/runs/card_fraud`, `s3a://bucket/runs/card_fraud`.
    """
    root = store.rstrip("/") if "://" in store else Path(store).absolute().as_uri()
    return Asset(f"{root}/{name}")

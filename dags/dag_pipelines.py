"""One Airflow DAG for each pipeline YAML. What is wrong with those that have none, `dag_broken_pipelines.py` says.

Settings, all from the environment of the DAG processor and the workers:

- `STEELYARD_PIPELINES`: the folder of the YAMLs, by default `pipelines` beside this folder
- `STEELYARD_JOBS`: the folder of the `job_<stage>.py`, by default `spark_jobs` beside this folder
- `STEELYARD_STORE`: where run directories go, a path or URI, by default `runs` beside this folder
"""

import os
from pathlib import Path

from steelyard.airflow import folder_dags

_BESIDE = Path(__file__).absolute().parents[1]

globals().update(
    folder_dags(
        os.environ.get("STEELYARD_PIPELINES") or _BESIDE / "pipelines",
        store=os.environ.get("STEELYARD_STORE") or str(_BESIDE / "runs"),
        jobs=os.environ.get("STEELYARD_JOBS") or str(_BESIDE / "spark_jobs"),
    )
)

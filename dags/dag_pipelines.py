"""One Airflow DAG for each pipeline YAML. What is wrong with those that have none, `dag_broken_pipelines.py` says.

Settings, all from the environment of the DAG processor and the workers (`docs/airflow.md`):

- `STEELYARD_PIPELINES`: the folder of the YAMLs, by default `pipelines` beside this folder
- `STEELYARD_JOBS`: the folder of the `job_<stage>.py`, by default `spark_jobs` beside this folder
- `STEELYARD_STORE`: where run directories go, a path or URI, by default `runs` beside this folder
- `STEELYARD_STORE_URL`: where a browser finds the store
- `STEELYARD_ON_FAILURE`: dotted path of the function `(message, context)` that is told of failures
"""

from pathlib import Path

from steelyard.airflow import folder_dags, settings

globals().update(folder_dags(*settings(Path(__file__).absolute().parents[1])))

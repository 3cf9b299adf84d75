"""One Airflow DAG for each valid pipeline YAML; `dag_broken_pipelines.py` reports the others.

Settings, all from the environment of the DAG processor and the workers (`docs/airflow.md`):

- `STEELYARD_PIPELINES`: the folder of the YAMLs, by default `pipelines` next to this folder
- `STEELYARD_JOBS`: the folder of the `job_<stage>.py`, by default `spark_jobs` next to this folder
- `STEELYARD_STORE`: where run directories are stored, a path or URI, by default `runs` next to this folder
- `STEELYARD_STORE_URL`: the store's address in a browser
- `STEELYARD_ON_FAILURE`: dotted path of the function `(message, context)` that is called on failures
"""

from pathlib import Path

from steelyard.airflow import folder_dags, settings

globals().update(folder_dags(*settings(Path(__file__).absolute().parents[1])))

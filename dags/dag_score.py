"""One Airflow DAG, `<name>.score`, for each pipeline YAML with a section `score`: new rows, the current model.

Settings are those of `dag_pipelines.py`.
"""

from pathlib import Path

from steelyard.airflow import folder_score_dags, settings

globals().update(folder_score_dags(*settings(Path(__file__).absolute().parents[1])))

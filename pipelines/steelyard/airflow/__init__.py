"""The Airflow side: an operator that runs a stage through spark-submit, and a DAG of every pipeline YAML. No pyspark.

The extra `airflow` brings what this package needs: `pip install "steelyard[airflow]"`.
"""

from steelyard.airflow._dag import pipeline_dag
from steelyard.airflow._deployment import Deployment, pipeline_asset, settings
from steelyard.airflow._folder import check_folder, folder_dags, folder_score_dags
from steelyard.airflow._monitor import MonitorOperator
from steelyard.airflow._operator import StageOperator
from steelyard.airflow._run import data_date, run_id
from steelyard.airflow._score import ScoreOperator

__all__ = [
    "Deployment",
    "MonitorOperator",
    "ScoreOperator",
    "StageOperator",
    "check_folder",
    "data_date",
    "folder_dags",
    "folder_score_dags",
    "pipeline_asset",
    "pipeline_dag",
    "run_id",
    "settings",
]

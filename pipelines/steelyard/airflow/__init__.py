"""The Airflow side: an operator that runs a stage through spark-submit, and a DAG of every pipeline YAML. No pyspark.

The extra `airflow` brings what this package needs: `pip install "steelyard[airflow]"`.
"""

from steelyard.airflow._dag import pipeline_dag
from steelyard.airflow._folder import check_folder, folder_dags
from steelyard.airflow._operator import StageOperator
from steelyard.airflow._run import data_date, run_id

__all__ = ["StageOperator", "check_folder", "data_date", "folder_dags", "pipeline_dag", "run_id"]

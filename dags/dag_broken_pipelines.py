"""No DAG: the import error that Airflow shows for pipeline YAMLs that can't be read, one after the other.

It has a file of its own since Airflow schedules no DAG of a file that has an import error.
"""

from pathlib import Path

from steelyard.airflow import check_folder, settings

check_folder(settings(Path(__file__).absolute().parents[1])[0])

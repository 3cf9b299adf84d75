"""No DAG: the import error that Airflow shows for pipeline YAMLs that can't be read, one after the other.

It has a file of its own since Airflow schedules no DAG of a file that has an import error.
"""

import os
from pathlib import Path

from steelyard.airflow import check_folder

check_folder(os.environ.get("STEELYARD_PIPELINES") or Path(__file__).absolute().parents[1] / "pipelines")

"""Base of all jobs that Airflow submits to Spark."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException


class JobOperator(SparkSubmitOperator):
    """Submit one of `spark_jobs/`, after a check of the Spark connection.

    Parameters
    ----------
    job : str
        The script's path.
    arguments : list of str
        Its arguments. (templated)
    conf : mapping, optional
        Of Spark. (templated)
    **submit : object
        What `SparkSubmitOperator` and Airflow's operators take.
    """

    ui_color = "#e8eef7"

    def __init__(self, *, job: str, arguments: list[str], conf: Mapping[str, Any] | None = None, **submit: Any) -> None:
        # Else progress bars fill the task's log.
        quiet = {"spark.ui.showConsoleProgress": "false", **(conf or {})}
        super().__init__(application=job, application_args=arguments, conf=quiet, **submit)

    def find_spark(self) -> None:
        """Refuse a missing connection, for which the provider would submit to YARN, and find spark-submit."""
        try:
            BaseHook.get_connection(self._conn_id)
        except AirflowNotFoundException:
            raise AirflowFailException(
                f"there is no connection {self._conn_id!r}, which names the Spark master; for local Spark: "
                f"airflow connections add {self._conn_id} --conn-type spark --conn-host 'local[*]'"
            ) from None
        find_spark_submit()

    def exit_code(self) -> int | None:
        """Return the driver's own exit code, which spark-submit passes on where it runs the driver itself."""
        process = getattr(self._hook, "_submit_sp", None)
        return None if process is None else process.returncode


def find_spark_submit() -> None:
    """Put this interpreter's folder first on the PATH if its spark-submit is the one to use.

    spark-submit starts the first `python3` on the PATH, both to find Spark and as the driver. Any other spark-submit on
    the PATH has precedence and is used unchanged.
    """
    folder = Path(sys.executable).parent
    found, own = shutil.which("spark-submit"), folder / "spark-submit"
    path = os.environ.get("PATH", "")
    if own.exists() and (found is None or Path(found) == own) and path.split(os.pathsep)[0] != str(folder):
        os.environ["PATH"] = f"{folder}{os.pathsep}{path}"

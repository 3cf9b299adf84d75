"""Links from a task to the files of its run. Airflow reads them when the task ends, and stores them in XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from steelyard.store import Outcome, RunDir


class ReportLink(BaseOperatorLink):
    """The run's report, which exists after the task `report`."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the report's address."""
        return address(operator.run_directory(), "report.html", operator.store_url)


class DataDocsLink(BaseOperatorLink):
    """The Data Docs of a guard.

    Parameters
    ----------
    stage : str
        The guard.
    name : str, default "Data Docs"
    """

    name = "Data Docs"

    def __init__(self, stage: str, name: str = "Data Docs") -> None:
        self.stage, self.name = stage, name

    @property
    def xcom_key(self) -> str:
        """The XCom of the link."""
        return f"{super().xcom_key}_{self.stage}"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the guard's Data Docs; empty if the task ended before they were written."""
        run = operator.run_directory()
        docs = docs_of(run, run.outcome(self.stage))
        return "" if docs is None else address(run, docs, operator.store_url)


def docs_of(run: RunDir, outcome: Outcome | None) -> str | None:
    """Return the path of a guard's Data Docs in its run."""
    found = None if outcome is None else outcome.details.get("docs")
    return None if found is None else str(found).removeprefix(f"{run.uri()}/")


def address(run: RunDir, path: str, store_url: str | None) -> str:
    """Return the address of a file of a run in a browser."""
    if store_url is None:
        return run.uri(path)
    name, run_id = run.location.rstrip("/").split("/")[-2:]
    return f"{store_url.rstrip('/')}/{name}/{run_id}/{path}"

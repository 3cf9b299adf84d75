"""Links from a task to what its run has written. Airflow asks for them when the task ends, and keeps them in XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from steelyard.store import Outcome, RunDir


class ReportLink(BaseOperatorLink):
    """The run's report, which is there once the task `report` has ended."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the report's address."""
        return address(operator.run_directory(), "report.html", operator.store_url)


class DataDocsLink(BaseOperatorLink):
    """What Great Expectations shows of a guard."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the guard's Data Docs; empty where the task ended before there were any."""
        run = operator.run_directory()
        docs = docs_of(run, run.outcome(operator.stage))
        return "" if docs is None else address(run, docs, operator.store_url)


def docs_of(run: RunDir, outcome: Outcome | None) -> str | None:
    """Return where in its run a guard's Data Docs are."""
    found = None if outcome is None else outcome.details.get("docs")
    return None if found is None else str(found).removeprefix(f"{run.uri()}/")


def address(run: RunDir, path: str, store_url: str | None) -> str:
    """Return where a browser finds a file of a run."""
    if store_url is None:
        return run.uri(path)
    name, run_id = run.location.rstrip("/").split("/")[-2:]
    return f"{store_url.rstrip('/')}/{name}/{run_id}/{path}"

"""The second task of a scoring DAG: compare the rows that were scored with the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.airflow._new_rows import NewRowsOperator
from steelyard.errors import GuardError

if TYPE_CHECKING:
    from steelyard.store import Folder


class MonitorOperator(NewRowsOperator):
    """Compare new rows with a run through spark-submit; the task fails if a limit of the pipeline is exceeded.

    Takes what `NewRowsOperator` takes. The content of `monitor.json` goes to XCom.
    """

    script, document = "job_monitor.py", "monitor.json"
    folder = "/_monitor"  # readers of the scores skip names that begin with an underscore

    def final(self, error: str, place: Folder) -> str | None:
        """Return the messages of the alerts, too."""
        if self.exit_code() == GuardError.exit_code and place.exists(self.document):
            return "; ".join(alert["message"] for alert in place.read_json(self.document)["alerts"]) or error
        return super().final(error, place)

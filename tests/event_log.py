"""The work of each stage of a run, as Spark's event log tells it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from steelyard.config import STAGES
from steelyard.store import RunDir

SETTINGS = {
    "spark.eventLog.enabled": True,
    "spark.eventLog.rolling.enabled": False,
    "spark.eventLog.compress": False,
}
_SQL = "org.apache.spark.sql.execution.ui.SparkListener"


class Work(NamedTuple):
    """What a stage asks Spark for: jobs, reads of Parquet files, shuffles, and crossings into Python."""

    jobs: int
    scans: int
    shuffles: int
    crossings: int

    @classmethod
    def of(cls, jobs: int, operators: Sequence[str]) -> Self:
        """Count the names of operators in executed plans."""
        return cls(
            jobs,
            sum(name.startswith("Scan parquet") for name in operators),
            operators.count("Exchange"),
            sum("InArrow" in name or "InPandas" in name or "EvalPython" in name for name in operators),
        )


class Traffic(NamedTuple):
    """Bytes that tasks of a stage shuffle and return to the driver, and the seconds that all of them take together."""

    shuffled: int
    returned: int
    task_seconds: float


def written_log(folder: Path) -> Path:
    """Return the only log in a folder; Java gives it its last name after the command has ended."""
    deadline = time.monotonic() + 30
    while True:
        [log] = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        if not log.name.endswith(".inprogress") or time.monotonic() > deadline:
            return log
        time.sleep(0.2)


def traffic_of(log: Path, run: RunDir) -> dict[str, Traffic]:
    """Return the traffic of each stage of a run."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    ended = [(e["Task Info"], e["Task Metrics"]) for e in events if e["Event"] == "SparkListenerTaskEnd"]
    found = {}
    for stage, (first, last) in _times(run).items():
        tasks = [(info, said) for info, said in ended if said and first <= info["Finish Time"] <= last]
        found[stage] = Traffic(
            sum(said["Shuffle Write Metrics"]["Shuffle Bytes Written"] for _, said in tasks),
            sum(said["Result Size"] for _, said in tasks),
            sum(info["Finish Time"] - info["Launch Time"] for info, _ in tasks) / 1000,
        )
    return found


def _times(run: RunDir) -> dict[str, tuple[float, float]]:
    """Return when each stage started and ended, in milliseconds."""
    outcomes = {stage: run.outcome(stage) for stage in STAGES}
    assert all(outcomes.values())
    return {
        stage: (
            datetime.fromisoformat(o.started).timestamp() * 1000,
            datetime.fromisoformat(o.finished).timestamp() * 1000,
        )
        for stage, o in outcomes.items()
        if o is not None
    }


def work_of(log: Path, run: RunDir) -> dict[str, Work]:
    """Return the work of each stage that has any."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    jobs = [e["Properties"].get("spark.job.description") for e in events if e["Event"] == "SparkListenerJobStart"]
    begun = {e["executionId"]: e["time"] for e in events if e["Event"] == f"{_SQL}SQLExecutionStart"}
    # The last plan of a query is the one that was executed: adaptive execution replaces the first.
    plans = {e["executionId"]: e["sparkPlanInfo"] for e in events if "sparkPlanInfo" in e}
    found = {}
    for stage, (first, last) in _times(run).items():
        nodes = [name for i, at in begun.items() if first <= at <= last for name in _nodes(plans[i])]
        described = f"{run.manifest()['pipeline']}/{run.manifest()['run_id']}: {stage}"
        found[stage] = Work.of(jobs.count(described), nodes)
    return {stage: work for stage, work in found.items() if any(work)}


def _nodes(plan: Mapping[str, Any]) -> Iterator[str]:
    yield plan["nodeName"]
    for child in plan["children"]:
        yield from _nodes(child)

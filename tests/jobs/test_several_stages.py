"""Several stages in one job of spark-submit: what it executes, what it keeps, and where it ends."""

from __future__ import annotations

import json
import runpy
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from small_pipelines import pipeline

from steelyard.config import STAGE_TABLE, STAGES
from steelyard.store import Outcome, RunDir, Store

JOBS = Path(__file__).resolve().parents[2] / "spark_jobs"
ALWAYS = [s for s in STAGE_TABLE if s.section is None]  # the pipeline has none of the sections of the others
GROUPS = {task: [s.name for s in ALWAYS if s.task == task] for task in ("data", "model", "verdict")}
STRICT = {
    "expectations": [
        {
            "type": "expect_minority_share_to_be_between",
            "severity": "critical",
            "kwargs": {"column": {"$PARAMETER": "label"}, "min_value": 0.9},
        }
    ]
}


def submitted(stage: str, *args: object, code: int = 0) -> str:
    """Do what spark-submit does with the job of a stage, in the suite's session."""
    words, said = [f"job_{stage}.py", *map(str, args)], StringIO()
    with patch.object(sys, "argv", words), redirect_stdout(said), redirect_stderr(said):
        try:
            runpy.run_path(str(JOBS / words[0]), run_name="__main__")
            ended = 0
        except SystemExit as end:
            ended = int(end.code or 0)
    assert ended == code, said.getvalue()
    return said.getvalue()


class Job:
    """A run, the jobs of which take a group of stages each."""

    def __init__(self, table: str, folder: Path) -> None:
        self.run = Store(folder / "runs").run("small", "r1")
        strict = folder / "strict.json"
        strict.write_text(json.dumps(STRICT))
        self.strict = f"guards.resampled={strict}"
        self.text = json.dumps(pipeline(table).to_json())

    def group(self, name: str, *sets: str, code: int = 0, **more: Any) -> str:
        changes = [word for change in sets for word in ("--set", change)]
        where = ["--pipeline", self.text, "--run-id", "r1", "--store", self.run.location.rsplit("/", 2)[0]]
        resume = ["--resume"] if more.get("resume") else []
        first, *_, last = GROUPS[name]
        return submitted(first, *where, *changes, "--last", last, *resume, code=code)

    def states(self) -> dict[str, str]:
        return {s: o.status for s in STAGES if (o := self.run.outcome(s)) is not None}

    def attempts(self) -> dict[str, str]:
        return {s: o.attempt for s in STAGES if (o := self.run.outcome(s)) is not None}


def outcome(run: RunDir, stage: str) -> Outcome:
    found = run.outcome(stage)
    assert found is not None
    return found


@pytest.mark.usefixtures("spark")
def test_one_run_by_jobs_of_several_stages(table: str, tmp_path: Path) -> None:
    """Each step goes on with what the one before has left."""
    job = Job(table, tmp_path)
    a_job_shows_its_stages_and_ends_with_the_last(job)
    wrong_input_in_the_middle_is_the_stages_own_failure_and_is_reported(job)
    a_failed_guard_ends_the_job_and_resuming_goes_on_at_it(job)
    a_gate_that_fails_last_is_judged_again_by_its_new_bound(job)
    without_resuming_the_stages_are_executed_again_and_later_ones_are_gone(job)


def a_job_shows_its_stages_and_ends_with_the_last(job: Job) -> None:
    said = job.group("data")
    assert [line.split()[:2] for line in said.splitlines() if " in /" in line] == [
        [stage, word] for stage in GROUPS["data"] for word in ("starts", "done")
    ]
    assert job.states() == dict.fromkeys(GROUPS["data"], "done")


def wrong_input_in_the_middle_is_the_stages_own_failure_and_is_reported(job: Job) -> None:
    said = job.group("model", "resample={method: smotenc, k_neighbors: 900, missing: impute}", code=2)
    failed = outcome(job.run, "resample")
    assert failed.kind == "input" and f"error: {failed.message}" in said and "900" in str(failed.message)
    assert job.states() == {**dict.fromkeys([*GROUPS["data"], "diagnose", "report"], "done"), "resample": "failed"}
    assert job.run.exists("report.html")


def a_failed_guard_ends_the_job_and_resuming_goes_on_at_it(job: Job) -> None:
    before = job.attempts()
    job.group("model", job.strict, code=1, resume=True)
    failed = outcome(job.run, "guard_resampled")
    assert failed.kind == "guard" and "expect_minority_share" in str(failed.message)
    after = job.attempts()
    assert {s for s in after if after[s] != before.get(s)} == {"resample", "guard_resampled", "report"}
    assert job.run.exists("report.html") and "train" not in job.states()

    said = job.group("model", resume=True)
    again = job.attempts()
    assert {s for s in GROUPS["model"] if again[s] == after.get(s)} == {"diagnose", "resample"}
    assert f"diagnose was done in {job.run.location}, attempt {after['diagnose']}" in said
    assert job.states() == dict.fromkeys([*GROUPS["data"], *GROUPS["model"]], "done"), "the old report is gone"


def a_gate_that_fails_last_is_judged_again_by_its_new_bound(job: Job) -> None:
    job.group("verdict", "gate.pr_auc={min: 0.999999}", code=1)
    assert outcome(job.run, "gate").kind == "guard" and outcome(job.run, "report").done
    before = job.attempts()
    job.group("verdict", resume=True)
    after = job.attempts()
    assert set(job.states().values()) == {"done"} and set(after) == set(STAGES)
    assert {s for s in after if after[s] != before[s]} == {"report", "gate"}


def without_resuming_the_stages_are_executed_again_and_later_ones_are_gone(job: Job) -> None:
    before = job.attempts()
    job.group("model")
    after = job.attempts()
    assert {s for s in after if after[s] == before[s]} == set(GROUPS["data"])
    assert set(after) == {*GROUPS["data"], *GROUPS["model"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--last", "spilt"], "there is no stage 'spilt'. Did you mean 'split'?"),
        (["--last", "profile"], "--last: stage profile comes before split"),
        (["--resume"], "--resume needs --last"),
    ],
)
def test_a_range_that_is_none_is_refused(words: list[str], said: str) -> None:
    assert said in submitted("split", "--run-dir", "/nowhere", *words, code=2)

"""Champion and challenger on runs of a real pipeline: who becomes current, by the stage and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import steelyard_here
from pyspark.sql import SparkSession
from small_pipelines import pipeline, replace_document

from steelyard.errors import GuardError
from steelyard.stages import Context, run_pipeline, run_stage, start_run
from steelyard.stages.commands.current import find_run
from steelyard.store import Outcome, RunDir, Store
from steelyard.store.promotions import history

MISSES_ALL = {"threshold": {"value": 0.999999}}
FAIR = {"threshold": {"value": 0.3}}


class Runs:
    """Runs of one pipeline: the first is executed whole, the others repeat what a changed decision concerns."""

    def __init__(self, spark: SparkSession, table: str, root: Path) -> None:
        self.spark, self.table, self.store = spark, table, Store(root)
        self.place = self.store.here().below("small")
        self.outcomes: dict[int, tuple[Outcome, str]] = {}  # day → the outcome of `promote`, and the current run then

    def make(self, day: int, decide: dict[str, Any], **promote: Any) -> Outcome:
        """Execute the run of a day and return the outcome of `promote`."""
        rule = {"metric": "f2", **promote}
        sections: dict[str, Any] = {"explain": {"rows": 20}} if day == 5 else {}
        resample = {"method": "random_under_sampler"}
        config = pipeline(self.table, decide=decide, promote=rule, resample=resample, **sections)
        run = start_run(self.store, config, f"r{day}", {"date": f"2026-01-{day:02}"})
        earlier = self.place.below("r5")
        if day != 5:
            for file in earlier.files(""):
                if file not in ("run.json", "stages/promote.json"):
                    run.write_bytes(file, earlier.read_bytes(file))
        return run_pipeline(Context(run, config, lambda: self.spark), resume=day != 5)["promote"]

    def gate(self, day: int, **bounds: Any) -> None:
        """Execute only the gate of a run again."""
        config = pipeline(self.table, decide=FAIR, promote={"metric": "f2"}, gate=bounds)
        run_stage(Context(self.place.below(f"r{day}"), config, lambda: self.spark), "gate")

    @property
    def current(self) -> str:
        return self.run.location.rpartition("/")[2]

    @property
    def run(self) -> RunDir:
        return find_run(self.place.location)


@pytest.fixture(scope="module")
def runs(spark: SparkSession, table: str, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Runs of the 5th (the first), 6th (misses all), 4th (of earlier data) and 7th (as good as the first)."""
    made = Runs(spark, table, tmp_path_factory.mktemp("promotions"))
    for day, decide, promote in (
        (5, FAIR, {}),
        (6, MISSES_ALL, {}),
        (4, FAIR, {}),
        (7, FAIR, {"rule": "better"}),
        (8, FAIR, {"rule": "not_worse"}),
    ):
        made.outcomes[day] = (made.make(day, decide, **promote), made.current)
    return made


def test_the_stage_promotes_what_its_rule_allows(runs: Runs) -> None:
    found = {day: (of.details["promoted"], after) for day, (of, after) in runs.outcomes.items()}
    assert found == {5: (True, "r5"), 6: (False, "r5"), 4: (False, "r5"), 7: (False, "r5"), 8: (True, "r8")}
    reasons = {day: of.details["reason"] for day, (of, _) in runs.outcomes.items()}
    assert "no current run to compare with" in reasons[5]
    assert "its data are of 2026-01-05, later than 2026-01-04" in reasons[4]
    lost = runs.outcomes[6][0].details
    assert lost["values"]["challenger"] == 0 and lost["gain"]["ci95"][0] < -0.01 and "f2 is 0, against 0." in reasons[6]
    same = runs.outcomes[8][0].details
    assert same["gain"] == {"value": 0.0, "ci95": [0.0, 0.0]} and same["support"] == {"0": 270, "1": 30}
    comparison = runs.run.read_json(f"promote/{runs.outcomes[8][0].attempt}/comparison.json")
    assert comparison["champion"] == "r5" and comparison["challenger"] == "r8"


def test_a_run_with_the_section_explains_itself(runs: Runs) -> None:
    place = f"{runs.place.location}/r5"
    found = json.loads(steelyard_here("explain", place, "--json").stdout)
    assert {of["feature"] for of in found["importances"]["features"]} == {"a", "b", "kind", "amount"}
    wrong = json.loads(Path(found["mistakes_file"].removeprefix("file://")).read_text())
    assert 0 < len(wrong) <= 20 and {"key", "score", "contributions"} <= wrong[0].keys()
    assert sum(found["mistakes"].values()) == len(wrong)
    stable = found["stability"]
    assert (stable["folds"], stable["features"]) == (0, None) and "no fold models to compare" in stable["note"]
    shown = steelyard_here("explain", place).stdout
    assert "stability: there are no fold models" in shown
    assert "importances (contributions), of 4 features" in shown and "missed positives" in shown
    report = Path(place, "report.html").read_text()
    assert "Why, and where it errs" in report and "mean absolute contribution" in report
    assert "Stability over folds: there are no fold models" in report
    assert "add the section" in steelyard_here("explain", f"{runs.place.location}/r6", code=2).stderr


def test_the_contributions_of_new_rows(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "explained"
    steelyard_here("explain", f"{runs.place.location}/r5", runs.table, "--out", out)
    rows = pd.read_parquet(out)
    assert list(rows.columns) == ["id", "y", "score", "decision", "margin", "bias", "contributions"]
    sums = rows["contributions"].map(lambda of: sum(dict(of).values())) + rows["bias"]
    assert len(rows) == 1200 and (sums - rows["margin"]).abs().max() < 1e-9
    assert "needs --out" in steelyard_here("explain", f"{runs.place.location}/r5", runs.table, code=2).stderr


def test_by_hand_and_back(runs: Runs) -> None:
    place = runs.place.location
    try:
        done = steelyard_here("promote", f"{place}/r6", "--reason", "a trial", "--json")
        said = json.loads(done.stdout)
        assert "note: the data of run r6 are of 2026-01-06, older than those of run r8: 2026-01-08" in done.stderr
        assert said["run_id"] == runs.current == "r6" and said["replaces"] == "r8" and said["reason"] == "a trial"
        done = steelyard_here("promote", f"{place}/r6", "--reason", "again", code=2)
        assert "r6 is current already" in done.stderr
    finally:
        shown = steelyard_here("rollback", place, "--reason", "it misses all").stdout
    assert shown == "run r8 is current, instead of r6\n" and runs.current == "r8"
    wrong = steelyard_here("rollback", f"{place}/r8", "--reason", "x", code=2).stderr
    assert f"{place}/r8 is a run; name the folder of its pipeline, {place}" in wrong
    assert "--reason is empty" in steelyard_here("rollback", place, "--reason", " ", code=2).stderr
    report = Path(steelyard_here("report", f"{place}/r8").stdout.strip().removeprefix("file://")).read_text()
    assert all(words in report for words in ("it misses all", "a trial", "steelyard rollback", "no current run"))
    assert "Last verdict on this run: run r8 is current: f2 is" in report
    assert [p.run_id for p in history(runs.place)] == ["r5", "r8", "r6", "r8"]


def test_a_run_whose_gate_fails_now_is_not_current(runs: Runs) -> None:
    with pytest.raises(GuardError, match=r"f2 .*\. Run r8 was promoted; now run r5 is current"):
        runs.gate(8, f2={"min": 1.0})
    assert runs.current == "r5"
    with pytest.raises(GuardError) as failure:
        runs.gate(7, f2={"min": 1.0})
    assert "is current" not in str(failure.value), "it was not"
    runs.gate(8)
    assert runs.current == "r8"
    said = steelyard_here("stage", "promote", "--run-dir", f"{runs.place.location}/r8").stderr
    assert "[14/14] ✓ promote" in said and "run r8 is current: it is the current run already" in said


def test_a_run_of_another_task_is_not_compared(runs: Runs) -> None:
    champion = runs.run
    files = champion.published("decide")
    path = f"decide/{files.attempt}/policy.json"
    other = {**files.read_json(path), "classes": ["1", "0"], "positive": "0"}
    replace_document(champion, "decide", path, other)
    found = runs.make(9, FAIR, rule="better").details
    assert found["promoted"] and "has other classes: 1, 0, positive 0, so they can't be compared" in found["reason"]
    assert runs.current == "r9"

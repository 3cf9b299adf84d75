"""Run directories of earlier versions: what they still serve for. `tests/fixtures/README.md` says what they are."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from command_line import steelyard_here
from pyspark.sql import SparkSession

from steelyard.config import PipelineConfig, load
from steelyard.errors import InputError
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.stages._context import no_session, run_config
from steelyard.stages._history import reference
from steelyard.stages._model import saved_policy
from steelyard.stages.commands.current import find_run
from steelyard.stages.commands.retention import judge, remove
from steelyard.stages.commands.submit import locate
from steelyard.store import Outcome, RunDir, Store, now

FIXTURES = Path(__file__).parents[1] / "fixtures"
PIPELINES = ("frauds", "parts")


@pytest.fixture(scope="module", params=sorted(p.name for p in FIXTURES.glob("*.tar.xz")))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tables and runs of an earlier version, in a folder of their own. Tests that change a run copy it first."""
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(FIXTURES / request.param) as archive, pytest.MonkeyPatch.context() as patch:
        archive.extractall(folder, filter="data")
        patch.setenv("STEELYARD_FIXTURES", str(folder))
        yield folder


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """A copy of the store, to change."""
    return Path(shutil.copytree(made / "runs", tmp_path / "runs"))


def opened(runs: Path, name: str) -> tuple[RunDir, PipelineConfig]:
    run = Store(runs).run(name, "r1")
    return run, run_config(run)


def scores_of(run: RunDir) -> pd.DataFrame:
    outcome = run.outcome("evaluate")
    assert outcome is not None
    return pd.read_parquet(f"{run.location}/scores/{outcome.attempt}").sort_values("id", ignore_index=True)


@pytest.mark.parametrize("name", PIPELINES)
def test_it_scores_as_it_did(name: str, spark: SparkSession, made: Path, tmp_path: Path) -> None:
    """By the pipeline's folder, so as its current run."""
    steelyard_here("score", made / "runs" / name, made / f"{name}.csv", "--out", tmp_path / "s")
    run, _ = opened(made / "runs", name)
    assert json.loads((tmp_path / "s" / "_scores.json").read_text())["run_dir"] == run.location
    before = scores_of(run)
    both = before.merge(pd.read_parquet(tmp_path / "s"), on="id", suffixes=("", "_now"))
    assert len(both) == len(before) > 100
    assert (both["decision"] == both["decision_now"]).all()
    assert both["score"].tolist() == both["score_now"].tolist()


@pytest.mark.parametrize("name", PIPELINES)
def test_evaluate_gives_the_numbers_of_then(name: str, spark: SparkSession, runs: Path) -> None:
    run, _ = opened(runs, name)
    before, scores = run.read_json("metrics.json"), scores_of(run)
    steelyard_here("stage", "evaluate", "--run-dir", run.location)
    after = run.read_json("metrics.json")
    pd.testing.assert_frame_equal(scores_of(run), scores)
    assert after["threshold"] == before["threshold"]
    for split, numbers in before["splits"].items():
        assert {k: after["splits"][split][k] for k in ("n", "support", "confusion")} == {
            k: numbers[k] for k in ("n", "support", "confusion")
        }
        for label, of in numbers["per_class"].items():
            assert after["splits"][split]["per_class"][label]["recall"]["value"] == of["recall"]["value"]
    assert run.outcome("guard_scored") is None, "a repeated stage voids what reads it"


@pytest.mark.parametrize("name", PIPELINES)
def test_decide_makes_the_policy_of_then(name: str, spark: SparkSession, runs: Path) -> None:
    """0.1.0 had no such stage: its stage `train` wrote the policy next to the model."""
    run, _ = opened(runs, name)
    before = saved_policy(run)
    steelyard_here("stage", "decide", "--run-dir", run.location)
    after = saved_policy(run)
    assert after.threshold == before.threshold and after.classes == before.classes
    assert after.calibration.to_json() == before.calibration.to_json()


@pytest.mark.parametrize("name", PIPELINES)
def test_its_report_can_be_written_again(name: str, runs: Path) -> None:
    run, _ = opened(runs, name)
    run.delete("report.html")
    steelyard_here("report", run.location)
    report = run.read_text("report.html")
    assert "steelyard 0.1.0" in report
    for label in run.read_json("metrics.json")["splits"]["test"]["per_class"]:
        assert label in report


@pytest.mark.parametrize("name", PIPELINES)
def test_labels_are_held_against_it(name: str, made: Path, runs: Path) -> None:
    run, config = opened(runs, name)
    classes = run.read_json(_stats(run))["classes"]
    counts = {label: of["count"] for label, of in classes.items()}
    later = start_run(Store(runs), config, "r2", {"date": "2026-05-02"})
    found = reference(Context(later, config, no_session))
    assert found is not None and found.counts == counts and found.name == "run r1 (data of 2026-05-01)"

    named = load(json.dumps(config.to_json()), [f"guards.reference={run.location}/{_stats(run)}"])
    found = reference(Context(later, named, no_session))
    assert found is not None and found.counts == counts


def _stats(run: RunDir) -> str:
    return f"profile/{run.published('profile').attempt}/stats.json"


def test_it_is_collected_once_another_run_is_current(runs: Path) -> None:
    run, config = opened(runs, "frauds")
    store = Store(runs)
    assert find_run(f"{runs}/frauds").location == run.location
    kept = {judged.pipeline: judged.kept for judged in judge(store, keep=0)}
    assert set(kept) == set(PIPELINES) and all(str(why).startswith("the current run") for why in kept.values())

    later = start_run(store, config, "r2", {"date": "2026-05-03"})
    for stage in ("report", "gate"):
        later.publish(Outcome(stage, "done", "a", now(), now()))
    assert find_run(f"{runs}/frauds").location == later.location
    shutil.rmtree(runs / "frauds" / "_accepted")  # else it stays as what r2 was held against
    old = next(judged for judged in judge(store, keep=0) if judged.run_id == "r1" and judged.pipeline == "frauds")
    assert old.kept is None and remove(old) and not (runs / "frauds" / "r1").exists()


@pytest.mark.parametrize("name", PIPELINES)
def test_resume_says_where_it_goes_on_and_why(name: str, spark: SparkSession, runs: Path) -> None:
    class Began(Exception):
        """Ends a run before its first stage."""

    def stop(event: str, stage: str, outcome: Outcome | None) -> None:
        raise Began(event, stage)

    run, config = opened(runs, name)
    told: list[str] = []
    ctx = Context(start_run(Store(runs), config, "r1", {"date": "2026-05-01"}, resume=True), config, lambda: spark)
    ctx.warn = told.append
    with pytest.raises(Began) as began:
        run_pipeline(ctx, resume=True, notify=stop)
    assert began.value.args == ("start", "profile")
    assert told == [
        f"{run.location} was made by steelyard 0.1.0; stage profile has changed since: continuing from profile"
    ]


def test_a_pipeline_deletes_nothing_of_it(runs: Path) -> None:
    _, config = opened(runs, "frauds")
    before = sorted(p for p in runs.rglob("*"))
    with pytest.raises(InputError, match=r"made by steelyard 0\.1\.0; .*: run stage profile with this pipeline first"):
        locate("evaluate", json.dumps(config.to_json()), "r1", None, Store(runs))
    assert sorted(p for p in runs.rglob("*")) == before

"""Every stage through spark-submit, from an empty directory, to workers that have the steelyard that is shipped."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

import pyarrow
import pytest
from command_line import BIN
from interpreters import python_with_steelyard, python_without
from results import results
from standalone import Cluster

from steelyard import __version__
from steelyard.config import PipelineConfig, stages_of
from steelyard.store import RunDir, open_run

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).resolve().parents[2]
Submit = Callable[..., str]
SECTIONS = {"compare": {"candidates": {}, "folds": 2}, "explain": {"rows": 20}, "promote": {}}
# The first stages of jobs, and their last ones: each job has a session of its own, which takes ten seconds to start.
JOBS = {"profile": None, "guard_raw": "guard_split", "diagnose": "decide", "evaluate": "gate", "promote": None}


@pytest.fixture(scope="module")
def shipped() -> Path:
    """The zip that `make dist` makes, which must be of these sources."""
    zips = list((ROOT / "dist").glob("*.zip"))
    assert len(zips) == 1, "make dist first"
    with ZipFile(zips[0]) as file:
        modules = [name for name in file.namelist() if name.endswith(".py")]
        assert len(modules) > 100
        assert all(file.read(name) == (ROOT / "pipelines" / name).read_bytes() for name in modules), "make dist anew"
    return zips[0]


@pytest.fixture
def submit(cluster: Cluster, tmp_path: Path) -> Submit:
    """Return a function that submits a job from an empty directory and gives what it says."""
    empty = tmp_path / "empty"
    empty.mkdir()

    def submitted(env: Mapping[str, str], options: Sequence[object], script: str, *args: object, code: int = 0) -> str:
        job = ROOT / "spark_jobs" / script
        command = [BIN / "spark-submit", "--master", cluster.url, *options, job, *args]
        done = subprocess.run(
            list(map(str, command)), cwd=empty, env={**cluster.env, **env}, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, done.stderr[-5000:]
        return done.stdout

    return submitted


def test_a_zip_for_interpreters_without_steelyard_does_what_one_process_does(
    submit: Submit, shipped: Path, config: Callable[..., PipelineConfig], reference: RunDir, tmp_path: Path
) -> None:
    python = python_without("steelyard", tmp_path / "bare")
    env, zipped = {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}, ["--py-files", shipped]
    store, run, wanted = tmp_path / "store", tmp_path / "store" / "small" / "r2", config(**SECTIONS)
    shutil.copytree(reference.location, store / "small" / "r1")
    for first, last in JOBS.items():
        made = ["--pipeline", json.dumps(wanted.to_json()), "--run-id", "r2", "--store", store]
        of = made if first == "profile" else ["--run-dir", run]
        submit(env, zipped, f"job_{first}.py", *of, *(["--last", last] if last else []))
    assert all((outcome := open_run(run).outcome(s)) is not None and outcome.done for s in stages_of(wanted))
    found = results(open_run(run))
    assert found["metrics"].pop("baseline")["recipe"] == "xgboost"
    found["metrics"]["run_id"] = "r1"
    assert found == results(reference)
    _has_compared_and_explained(open_run(run))
    # spark-submit sends what Python writes to stderr to its own stdout.
    assert "is not a run directory" in submit(env, zipped, "job_split.py", "--run-dir", tmp_path, code=2)


def _has_compared_and_explained(run: RunDir) -> None:
    """The stages that need a section: what workers without steelyard have made of them."""
    outcomes = {stage: run.outcome(stage) for stage in SECTIONS}
    compare, explain, promote = (of for of in outcomes.values() if of is not None)
    choice = run.read_json(f"compare/{compare.attempt}/choice.json")
    assert {"xgboost", "logistic_regression", "pipeline"} <= {of["name"] for of in choice["candidates"]}
    found = run.read_json(f"explain/{explain.attempt}/explanation.json")
    assert {of["feature"] for of in found["importances"]["features"][:2]} == {"a", "b"}
    assert promote.details["promoted"] and promote.details["champion"] == "r1"
    assert promote.details["gain"] == {"value": 0.0, "ci95": [0.0, 0.0]}, "the models are equal"


def environment(folder: Path, shipped: Path) -> Path:
    """Return an archive of a virtual environment that holds steelyard; the libraries below it stay where they are."""
    venv.create(folder / "environment", symlinks=True)
    [site] = (folder / "environment").glob("lib/python*/site-packages")
    with ZipFile(shipped) as file:
        file.extractall(site)
    (site / "libraries.pth").write_text(str(Path(pyarrow.__file__).parents[1]))
    with tarfile.open(folder / "environment.tar.gz", "w:gz") as archive:
        archive.add(folder / "environment", ".")
    return folder / "environment.tar.gz"


def test_an_environment_archive_does_what_one_process_does(
    submit: Submit, shipped: Path, copied: RunDir, reference: RunDir, tmp_path: Path
) -> None:
    """The stages whose tasks need steelyard, and the guard between them, in a copy of the run.

    The driver has its own interpreter.
    """
    archive = environment(tmp_path, shipped)
    env, options = {"PYSPARK_PYTHON": "./environment/bin/python"}, ["--archives", f"{archive}#environment"]
    options += ["--conf", "spark.executorEnv.PYTHONPATH="]  # where this process may have steelyard from
    submit(env, options, "job_resample.py", "--run-dir", copied.location, "--last", "evaluate")
    assert results(copied) == results(reference)


def test_workers_with_another_steelyard_are_refused_by_the_first_stage(
    submit: Submit, copied: RunDir, tmp_path: Path
) -> None:
    env = {"PYSPARK_PYTHON": python_with_steelyard("0.0.9", tmp_path / "old")}
    submit(env, [], "job_profile.py", "--run-dir", copied.location, code=3)
    outcome = copied.outcome("profile")
    assert outcome is not None and (outcome.status, outcome.kind) == ("failed", "engine")
    assert outcome.message.startswith(f"executors have steelyard 0.0.9 and the driver {__version__}: ")

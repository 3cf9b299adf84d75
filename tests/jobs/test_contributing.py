"""The recipes of CONTRIBUTING.md, followed word for word outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from prose import ROOT
from pyspark.sql import SparkSession
from recipes import follow

from steelyard.config import load
from steelyard.extensions import METRICS
from steelyard.metrics import registry, unregister_metric
from steelyard.sampling import SamplingPlan
from steelyard.stages import Context, run_stage, start_run
from steelyard.stages._model import trained_model
from steelyard.stages.commands.check import check
from steelyard.store import Store

# What the recipe says to do after its files are written, in one process: each start of Python costs seconds.
STEPS = """
import pathlib, shlex, sys
import pytest
from command_line import steelyard_here
from steelyard.store import open_run

schema, stage, *tests = sys.argv[1:]
command, _, page = schema.partition(" > ")
pathlib.Path(page).write_text(steelyard_here(*shlex.split(command)[1:]).stdout)
assert "| `smallest.rows` | whole number from 1 | `1` |" in pathlib.Path(page).read_text()

words = shlex.split(stage)[1:]
steelyard_here(*words)
run = open_run(words[-1])
outcome = run.outcome("smallest")
assert outcome.details == {"class": "crack"}
assert run.published("smallest").read_json(outcome.files[0]["path"]) == {"class": "crack", "rows": 40}
manifest = run.manifest()
run.update_manifest({**manifest, "config": {**manifest["config"], "smallest": {"rows": 1000}}})
failed = steelyard_here(*words, code=1)
assert "class 'crack' has 40 rows; smallest.rows is 1,000" in failed.stderr

sys.exit(pytest.main(["-p", "no:cacheprovider", "-q", *tests]))
"""


def test_a_new_stage_with_a_key_of_its_own(tmp_path: Path) -> None:
    copy = tmp_path / "steelyard"
    for folder in ("pipelines", "spark_jobs", "docs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with tarfile.open(ROOT / "tests" / "fixtures" / "0.1.0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    schema, stage = follow("A new stage with a key of its own", copy)
    stage = stage.replace("RUN_DIR", f"{tmp_path}/runs/parts/r1")

    tests = [f"{ROOT}/tests/unit/test_{name}.py" for name in ("stage_table", "pipeline_reference")]
    words = [sys.executable, "-c", STEPS, schema, stage, "-c", os.devnull, "--rootdir", str(ROOT), *tests]
    how = {**os.environ, "PYTHONPATH": f"{copy}/pipelines{os.pathsep}{ROOT}/tests", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=copy, env=how, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The package of the recipe, as `pip install` leaves it: modules, and metadata with entry points."""
    place = tmp_path_factory.mktemp("site")
    follow("A sampler, a trainer and a metric in a package of your own", place)
    project = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = place / "rare_tools-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n" + "\n".join(f"{n} = {v}" for n, v in of.items()) for group, of in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setattr(registry, "_UNREAD", [METRICS])  # as in a new process
        yield place
    unregister_metric("youden_j")


@pytest.mark.long
def test_the_common_checks_of_a_package(spark: SparkSession, package: Path) -> None:
    checks = {name: of for name, of in vars(import_module("test_rare_tools")).items() if name.startswith("test_")}
    assert set(checks) == {"test_sampler", "test_trainer"}
    for run in checks.values():
        run(spark)


def test_a_pipeline_with_a_package(spark: SparkSession, package: Path, table: str) -> None:
    shutil.copyfile(table, package / "table.parquet")
    config = load(str(package / "pipeline.yaml"))
    check(config)
    ctx = Context(start_run(Store(package / "runs"), config, "r1", {}), config, lambda: spark)
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate"):
        run_stage(ctx, stage)
    plan = SamplingPlan.from_json(ctx.read("resample", "plan.json"))
    assert (plan.sampler, {c: of.after for c, of in plan.classes.items()}) == ("at_most", {"0": 300, "1": 84})
    assert trained_model(ctx.run).trainer == "nearest_mean"
    found = ctx.run.read_json("metrics.json")["splits"]["test"]["per_class"]["1"]
    assert found["youden_j"]["value"] == pytest.approx(found["recall"]["value"] + found["specificity"]["value"] - 1)
    assert found["youden_j"]["value"] > 0.2

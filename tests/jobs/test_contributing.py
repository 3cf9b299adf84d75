"""The recipes of CONTRIBUTING.md, followed word for word outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from prose import ROOT
from recipes import follow

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

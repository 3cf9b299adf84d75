"""What a command imports, and when: modules are counted, not seconds."""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import steelyard
from steelyard.stages.commands import imports
from steelyard.stages.commands.imports import importing


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after some code."""
    code += "\nimport sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_only_modules_of_the_stages_of_this_process_are_imported() -> None:
    code = "from steelyard.stages.commands.imports import importing\nwith importing({stages}, 'xgboost'): pass"
    split = loaded_by(code.format(stages=("profile", "split")))
    assert {"steelyard.stages.split", "pandas"} <= split
    assert not {"great_expectations", "xgboost"} & split
    judged = loaded_by(code.format(stages=("guard_raw", "train")))
    assert {"steelyard.guards.expectations", "steelyard.learning._xgboost_model", "xgboost"} <= judged


def test_a_command_imports_little_before_its_input_is_checked(tmp_path: Path) -> None:
    pipeline = {
        "version": 1,
        "name": "p",
        "data": {"path": str(tmp_path / "none.csv"), "label": "y", "cost": {"false_positive": 1, "false_negative": 9}},
        "resample": {"method": "smote"},
    }
    code = f"""
import sys
from steelyard.cli import main
sys.argv = ["steelyard", "run", {json.dumps(pipeline)!r}, "--store", {str(tmp_path)!r}]
try:
    main()
except SystemExit as end:
    assert end.code == 2, end.code
"""
    slow = {"scipy.special", "scipy.stats", "sklearn", "xgboost", "great_expectations", "pyspark.sql.connect.session"}
    assert not slow & loaded_by(code)


def test_a_worker_imports_little_for_a_task() -> None:
    package = Path(steelyard.__file__).parent
    words = {w for file in package.rglob("*.py") for w in re.findall(r'"(steelyard\.[a-z_.]+)"', file.read_text())}
    tasks = sorted(w for w in words if re.search(r"_tasks?$", w))
    assert len(tasks) > 5, tasks
    slow = {"pandas", "scipy.special", "scipy.stats", "sklearn", "xgboost", "pydantic", "pyspark.ml"}
    assert not slow & loaded_by(f"import pyspark.worker, {', '.join(tasks)}")


def test_imports_have_ended_after_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, done = threading.Event(), threading.Event()
    monkeypatch.setattr(imports, "_needed", lambda *_: [begun.set, lambda: done.wait(0.2), done.set])
    with importing((), ""):
        assert begun.wait(60), "they run during the block"
        assert not gc.isenabled()
    assert done.is_set() and gc.isenabled()


def test_an_import_that_fails_does_not_fail_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    after = threading.Event()

    def fail() -> None:
        raise ImportError("broken")

    monkeypatch.setattr(imports, "_needed", lambda *_: [fail, after.set])
    with importing((), ""):
        pass
    assert after.is_set()


def test_a_session_that_fails_does_not_wait_for_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended, further = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(imports, "_needed", lambda *_: [begun.set, ended.wait, further.set])
    with pytest.raises(KeyboardInterrupt), importing((), ""):
        assert begun.wait(60)
        raise KeyboardInterrupt
    (thread,) = (t for t in threading.enumerate() if t.name == "steelyard-imports")
    ended.set()
    thread.join(60)
    assert not further.is_set(), "nor go on with them"

"""Library code in workers: found by name, and missed with a message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pyspark import cloudpickle

from steelyard.frames.workers import in_worker, one_thread


def test_it_calls_the_function_with_its_settings() -> None:
    assert in_worker("builtins", "dict", a=1)([("b", 2)]) == {"b": 2, "a": 1}


def test_a_worker_without_steelyard_says_so(tmp_path: Path) -> None:
    """The pickled task is run by a Python that can't import steelyard."""
    task = tmp_path / "task.pickle"
    task.write_bytes(cloudpickle.dumps(in_worker("steelyard.frames._neighbor_task", "search", k=1)))
    code = (
        "import sys, pickle\n"
        "sys.modules['steelyard'] = None\n"
        f"task = pickle.load(open({str(task)!r}, 'rb'))\n"
        "try:\n    task(None)\n"
        "except RuntimeError as error:\n    print(error); sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "has no steelyard" in done.stdout and "--py-files" in done.stdout


def test_other_missing_modules_are_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        in_worker("no_such_module", "f")(None)


def test_one_thread_is_a_scope() -> None:
    from threadpoolctl import threadpool_info

    with one_thread():
        assert {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"} <= {1}

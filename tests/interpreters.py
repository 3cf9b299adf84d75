"""Interpreters for Spark's workers that are like this one, but for something."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_ABSENT = """
import sys
from importlib.machinery import PathFinder

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name != {module!r}:
            return None
        shipped = PathFinder.find_spec(name, [p for p in sys.path if p.endswith(".zip")])
        if shipped is None:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return shipped

sys.meta_path.insert(0, Absent())
"""


# Each new worker imports all that its tasks need, up to 3 s of work. Spark starts new workers often: after a task has
# failed, after a limit has left rows unread, and after a minute without work. So the process that they are forked from
# has the libraries. It freezes them, because a worker collects garbage after each task.
_PRELOAD = """
import gc, importlib, sys
from contextlib import suppress

if "pyspark.daemon" in sys.orig_argv:
    for module in {modules!r}:
        with suppress(ImportError):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()
"""
_LIBRARIES = ("pandas", "pyarrow", "scipy.stats", "sklearn.ensemble", "xgboost", "faiss")
_MODULES = ("pyspark.worker", *_LIBRARIES, "steelyard.learning._skops")  # the last imports skops without torch


def python_that_has_imported(folder: Path, modules: Sequence[str] = _MODULES) -> str:
    """Return an interpreter whose Spark workers start with some libraries imported: by default all of this package."""
    return python_that_begins_with(_PRELOAD.format(modules=tuple(modules)), folder)


def python_that_begins_with(code: str, folder: Path) -> str:
    """Return an interpreter that runs some code at its start."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(python)


def python_without(module: str, folder: Path) -> str:
    """Return an interpreter in which a module isn't installed; a zip that is shipped to it may hold it."""
    return python_that_begins_with(_ABSENT.format(module=module), folder)


def python_with_steelyard(version: str, folder: Path) -> str:
    """Return an interpreter in which another version of steelyard is installed."""
    package = folder / "steelyard"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"__version__ = {version!r}\n")
    return python_that_begins_with("", folder)

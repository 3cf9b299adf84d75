"""Interpreters for Spark's workers that are like this one, but for something."""

from __future__ import annotations

import sys
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

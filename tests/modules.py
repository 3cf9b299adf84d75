"""The modules of the package, found in its folder: to walk through packages would import all of them, and Airflow."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import steelyard

SOURCE = Path(steelyard.__file__).parent


def module_names() -> list[str]:
    """Return the dotted names of all modules and packages below `steelyard`, ordered."""
    return sorted(set(map(_name, SOURCE.rglob("*.py"))) - {"steelyard"})


def torch_modules() -> list[str]:
    """Return those that import torch."""
    return [_name(path) for path in SOURCE.rglob("*.py") if "\nimport torch\n" in path.read_text(encoding="utf-8")]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


def skip_without(library: str) -> None:
    """Skip a test that needs a library to be installed but does not use it; to import it may take seconds."""
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")

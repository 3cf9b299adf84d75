"""Docstrings name no method, parameter, attribute or module that does not exist."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from docstrings import CHECKS
from modules import module_names, torch_modules

_NEEDS_AIRFLOW = "steelyard.airflow"
_LEAST = {"methods": 5, "parameters": 500, "attributes": 5, "paths": 5}


@pytest.fixture(scope="module")
def modules() -> list[Any]:
    """The modules of the package, but for those that need torch, which takes seconds to import.

    tests/simulation/test_network.py looks at these.
    """
    left_out = torch_modules()
    names = [name for name in module_names() if not name.startswith(_NEEDS_AIRFLOW)]
    return [import_module(name) for name in names if name not in left_out]


@pytest.mark.parametrize("what", CHECKS)
def test_what_a_docstring_names_exists(what: str, modules: list[Any]) -> None:
    named = CHECKS[what](modules)
    assert len(named) > _LEAST[what], "nothing was looked at"
    assert [name for name, exists in named if not exists] == []

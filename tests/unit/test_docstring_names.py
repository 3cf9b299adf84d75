"""Docstrings name no method, parameter or attribute that does not exist."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from modules import module_names

from steelyard import extensions

# `_name` or `name()`.
_METHOD = re.compile(r"`(?:self\.)?(_[a-z]\w*|[a-z]\w*(?=\(\)))(?:\(\))?`")
_NEEDS_AIRFLOW = "steelyard.airflow"


@pytest.fixture(scope="module")
def modules() -> list[Any]:
    """All modules of the package."""
    return [import_module(name) for name in module_names() if not name.startswith(_NEEDS_AIRFLOW)]


def _defined(modules: list[Any], kind: Callable[[Any], bool]) -> Iterator[Any]:
    """Yield classes or functions where they are defined."""
    for module in modules:
        yield from (o for o in vars(module).values() if kind(o) and o.__module__ == module.__name__)


def _methods(cls: type) -> Iterator[Any]:
    yield from (m for m in vars(cls).values() if inspect.isfunction(m))


def _path(of: Any) -> str:
    return f"{of.__module__}.{of.__qualname__}"


def test_a_method_that_a_docstring_names_exists(modules: list[Any]) -> None:
    named = [
        (cls, name)
        for cls in _defined(modules, inspect.isclass)
        for of in (cls, *_methods(cls))
        for name in _METHOD.findall(of.__doc__ or "")
    ]
    assert len(named) > 5, "nothing was looked at"
    absent = [
        f"{_path(cls)}: {name}"
        for cls, name in named
        if not hasattr(cls, name) and not hasattr(inspect.getmodule(cls), name)
    ]
    assert absent == []


def _section(doc: str | None, title: str) -> list[str]:
    """Return the names that a section of a numpydoc docstring describes."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=\n\w[\w ]*\n-+\n|\Z)", inspect.cleandoc(doc or ""), re.S | re.M)
    lines = found.group(1).splitlines() if found else []
    heads = [re.split(r" : |\Z", line)[0] for line in lines if line and not line.startswith((" ", "{"))]
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


def _parameters(of: Any) -> set[str]:
    signature = inspect.signature(of).parameters
    return set(signature) | set(getattr(of, "__dataclass_fields__", ()))


def test_a_parameter_that_a_docstring_describes_exists(modules: list[Any]) -> None:
    classes = list(_defined(modules, inspect.isclass))
    functions = [*_defined(modules, inspect.isfunction), *(m for cls in classes for m in _methods(cls))]
    described = [(of, name) for of in (*classes, *functions) for name in _section(of.__doc__, "Parameters")]
    assert len(described) > 500, "nothing was looked at"
    assert [f"{_path(of)}: {name}" for of, name in described if name not in _parameters(of)] == []


def test_an_attribute_that_a_docstring_describes_exists(modules: list[Any]) -> None:
    described = [(c, name) for c in _defined(modules, inspect.isclass) for name in _section(c.__doc__, "Attributes")]
    assert len(described) > 5, "nothing was looked at"
    assert [f"{_path(c)}: {name}" for c, name in described if not _has(c, name)] == []


def _has(cls: type, name: str) -> bool:
    """Whether a class has an attribute, declares one, or sets one on its instances."""
    return hasattr(cls, name) or name in inspect.get_annotations(cls) or f"self.{name}" in inspect.getsource(cls)


_PATH = re.compile(r"`(steelyard(?:\.\w+)+)`")


def _exists(path: str) -> bool:
    """Whether a dotted path leads to a module, or to a name in one."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:]:
            found = getattr(found, name, None)
        return found is not None
    return False


def test_a_path_that_a_docstring_names_exists(modules: list[Any]) -> None:
    named = [(m, path) for m in modules for path in _PATH.findall(inspect.getsource(m))]
    assert len(named) > 5, "nothing was looked at"
    groups = {extensions.SAMPLERS, extensions.TRAINERS, extensions.METRICS}
    assert [f"{m.__name__}: {path}" for m, path in named if path not in groups and not _exists(path)] == []

"""What docstrings name: methods, parameters, attributes and modules, and those of them that do not exist."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from steelyard import extensions

Named = list[tuple[str, bool]]  # what is named, and whether it exists

# `_name` or `name()`.
_METHOD = re.compile(r"`(?:self\.)?(_[a-z]\w*|[a-z]\w*(?=\(\)))(?:\(\))?`")
_PATH = re.compile(r"`(steelyard(?:\.\w+)+)`")
_GROUPS = {extensions.SAMPLERS, extensions.TRAINERS, extensions.METRICS}


def methods(modules: list[Any]) -> Named:
    """Return the methods that docstrings of classes name."""
    return [
        (f"{_path(cls)}: {name}", hasattr(cls, name) or hasattr(inspect.getmodule(cls), name))
        for cls in _defined(modules, inspect.isclass)
        for of in (cls, *_methods(cls))
        for name in _METHOD.findall(of.__doc__ or "")
    ]


def parameters(modules: list[Any]) -> Named:
    """Return the parameters that docstrings describe."""
    classes = list(_defined(modules, inspect.isclass))
    functions = [*_defined(modules, inspect.isfunction), *(m for cls in classes for m in _methods(cls))]
    described = [(of, name) for of in (*classes, *functions) for name in _section(of.__doc__, "Parameters")]
    return [(f"{_path(of)}: {name}", name in _parameters(of)) for of, name in described]


def attributes(modules: list[Any]) -> Named:
    """Return the attributes that docstrings describe."""
    described = [(c, name) for c in _defined(modules, inspect.isclass) for name in _section(c.__doc__, "Attributes")]
    return [(f"{_path(c)}: {name}", _has(c, name)) for c, name in described]


def paths(modules: list[Any]) -> Named:
    """Return the dotted paths that modules name."""
    named = [(m, path) for m in modules for path in _PATH.findall(inspect.getsource(m))]
    return [(f"{m.__name__}: {path}", path in _GROUPS or _exists(path)) for m, path in named]


CHECKS = {"methods": methods, "parameters": parameters, "attributes": attributes, "paths": paths}


def _defined(modules: list[Any], kind: Callable[[Any], bool]) -> Iterator[Any]:
    """Yield classes or functions where they are defined."""
    for module in modules:
        yield from (o for o in vars(module).values() if kind(o) and o.__module__ == module.__name__)


def _methods(cls: type) -> Iterator[Any]:
    yield from (m for m in vars(cls).values() if inspect.isfunction(m))


def _path(of: Any) -> str:
    return f"{of.__module__}.{of.__qualname__}"


def _section(doc: str | None, title: str) -> list[str]:
    """Return the names that a section of a numpydoc docstring describes."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=\n\w[\w ]*\n-+\n|\Z)", inspect.cleandoc(doc or ""), re.S | re.M)
    lines = found.group(1).splitlines() if found else []
    heads = [re.split(r" : |\Z", line)[0] for line in lines if line and not line.startswith((" ", "{"))]
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


def _parameters(of: Any) -> set[str]:
    signature = inspect.signature(of).parameters
    return set(signature) | set(getattr(of, "__dataclass_fields__", ()))


def _has(cls: type, name: str) -> bool:
    """Whether a class has an attribute, declares one, or sets one on its instances."""
    return hasattr(cls, name) or name in inspect.get_annotations(cls) or f"self.{name}" in inspect.getsource(cls)


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

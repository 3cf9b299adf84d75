"""Imports that take long: of packages, when one of their names is first used, and without an optional part."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazy(package: str, *modules: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package: names in `__all__` come from the first of `modules` that has them."""

    def find(name: str) -> Any:
        for module in modules if name in sys.modules[package].__all__ else ():
            loaded = vars(import_module(f"{package}.{module}"))
            if name in loaded:
                return loaded[name]
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def import_without(module: str, absent: str) -> Any:
    """Return a module that is imported as if another one, unless that is already imported, were not installed."""
    if absent in sys.modules:
        return import_module(module)
    sys.modules[absent] = None  # type: ignore[assignment]  # importing it fails
    try:
        return import_module(module)
    finally:
        del sys.modules[absent]

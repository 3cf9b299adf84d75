"""Packages that import a module when one of its names is first used: some need Spark, which imports slowly."""

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

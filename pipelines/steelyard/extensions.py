"""Samplers, trainers and metrics of other packages, from entry points; the former two also by a dotted path."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from steelyard.errors import ConfigError, closest

VARIABLE = "STEELYARD_ALLOWED_MODULES"
SAMPLERS = "steelyard.samplers"
TRAINERS = "steelyard.trainers"
METRICS = "steelyard.metrics"
_Base = TypeVar("_Base")


def _points(group: str, name: str | None = None) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, or those of one name in it."""
    return tuple(point for point in _installed(group, tuple(sys.path)) if name in (None, point.name))


@lru_cache
def _installed(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group. Reading the metadata of all packages takes 10 ms, so it is done once."""
    return tuple(entry_points(group=group))


def extension_names(group: str) -> list[str]:
    """Return the names that installed packages give to their entry points of a group; imports none of them."""
    return sorted({point.name for point in _points(group)})


def known_names(built_in: Mapping[str, str], group: str) -> list[str]:
    """Return the names of the built-in classes of a group and of those that installed packages add."""
    return sorted({*built_in, *extension_names(group)})


def find_class(name: str, built_in: Mapping[str, str], group: str, setting: str, base: type[_Base]) -> type[_Base]:
    """Return a class by its name.

    Parameters
    ----------
    name : str
        Of a built-in class, of an entry point, or `package.module.Name`.
    built_in : mapping of str to str
        `package.module.Name` by name.
    group : str
        The group of entry points: `SAMPLERS` or `TRAINERS`.
    setting : str
        The key of the YAML, for messages.
    base : type
        The class that it must be derived from.

    Raises
    ------
    ConfigError
        If there is none of that name (the message names the nearest one), if it has two meanings, or if it is not
        derived from `base`.
    """
    if name in built_in:
        clash = sorted(point.value for point in _points(group, name))
        if clash:
            raise ConfigError(
                f"{setting}: {clash[0]} is called {name!r} as well as steelyard's own; rename or remove it"
            )
        module, _, cls = built_in[name].rpartition(".")
        found = getattr(import_module(module), cls)
    else:
        found = load_extension(name, group, setting)
    what = base.__name__.lower()
    if found is None:
        known = known_names(built_in, group)
        raise ConfigError(f"there is no {what} {name!r}.{closest(name, known)} There are: {', '.join(known)}")
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ConfigError(f"{setting}: {name!r} is not a {what}: it must be a class derived from {base.__name__}")
    return found


def load_extension(name: str, group: str, setting: str) -> Any:
    """Return an object of another package, or None if `name` is neither an entry point nor a dotted path.

    Parameters
    ----------
    name : str
        The name of an entry point, or `package.module.Name`.
    group : str
        The group of entry points: `SAMPLERS`, `TRAINERS` or `METRICS`.
    setting : str
        The key of the YAML, for messages.

    Raises
    ------
    ConfigError
        If it cannot be imported, is ambiguous, or `STEELYARD_ALLOWED_MODULES` is set and does not allow it.
    """
    points = {point.value: point for point in _points(group, name)}
    if len(points) > 1:
        raise ConfigError(f"{setting}: several packages define {name!r}: {', '.join(sorted(points))}; uninstall one")
    for point in points.values():
        return _of_entry_point(point, setting)
    return _of_path(name, setting) if "." in name else None


def _of_entry_point(point: EntryPoint, setting: str) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{setting}: {point.name!r} is {point.value}, which cannot be imported: {error}") from error


def _of_path(path: str, setting: str) -> Any:
    check_module(path, setting, needed=False)
    module, _, name = path.rpartition(".")
    try:
        found = import_module(module)
    except (ImportError, ValueError, TypeError) as error:
        raise ConfigError(f"{setting}: module {module!r} cannot be imported: {error}") from error
    if not hasattr(found, name):
        raise ConfigError(f"{setting}: module {module!r} has no {name!r}.{closest(name, vars(found))}")
    return getattr(found, name)


def check_module(path: str, setting: str, *, needed: bool) -> None:
    """Refuse a dotted path that is not below one of the prefixes in `STEELYARD_ALLOWED_MODULES`.

    The deployment sets this variable, never the YAML.

    Parameters
    ----------
    path : str
        `module.name`, from a YAML.
    setting : str
        The key of the YAML, for the message.
    needed : bool
        Whether an unset variable allows nothing; otherwise it allows everything.

    Raises
    ------
    ConfigError
        If it is not allowed.
    """
    prefixes = [p for p in os.environ.get(VARIABLE, "").replace(",", " ").split() if p]
    if not prefixes and not needed:
        return
    if not any(path.startswith(f"{prefix.rstrip('.')}.") for prefix in prefixes):
        allowed = f"it allows {', '.join(prefixes)}" if prefixes else "it isn't set"
        raise ConfigError(f"{setting}: {path!r} is not below a module that {VARIABLE} allows; {allowed}")

"""Find and read suites, JSON files in the format of Great Expectations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from steelyard.errors import ConfigError, closest

# Functions that a parameter expression may call; see great_expectations.core.suite_parameters.
_FUNCTIONS = set(re.findall(r"\w+", "sin cos tan exp abs trunc round sgn now datetime timedelta PI E"))
_COLUMNS = ("column", "column_A", "column_B")


def shipped_suites() -> list[str]:
    """Return the names of the suites that come with the package."""
    return sorted(f.name for f in _shipped().iterdir() if f.name.endswith(".json"))


def is_shipped(suite: str) -> bool:
    """Whether the name is that of a suite that comes with the package."""
    return f"{suite.removesuffix('.json')}.json" in shipped_suites()


def load_suite(suite: str) -> dict[str, Any]:
    """Read a suite.

    Parameters
    ----------
    suite : str
        The bare name of a shipped suite (`raw.json`, or `raw`), or the path of a file.

    Raises
    ------
    ConfigError
        If there is no such suite, or the file is not one.
    """
    source = _find(suite)
    try:
        if not source.is_file():  # reading a named pipe would block
            raise OSError("it is not a regular file")
        document = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise ConfigError(f"suite {suite!r} can't be read: {getattr(e, 'strerror', None) or e}") from None
    expectations = document.get("expectations") if isinstance(document, dict) else None
    if not isinstance(expectations, list) or not all(isinstance(e, dict) and "type" in e for e in expectations):
        raise ConfigError(f"suite {suite!r} needs a list 'expectations' of objects with a 'type'")
    return {**document, "name": _safe_name(document.get("name", Path(suite).stem), suite)}


def _safe_name(name: object, suite: str) -> str:
    """Return a suite's name in a form that pages and folders accept.

    Raises
    ------
    ConfigError
        If it is not a string.
    """
    if not isinstance(name, str):
        raise ConfigError(f"suite {suite!r}: its name must be text, got {name!r}")
    # Great Expectations makes a folder of each part between dots. 50 characters have 200 bytes at most.
    return re.sub(r"[^\w -]+", "-", name).strip("- ")[:50].strip() or "suite"


def check_parameters(suites: Iterable[str], parameters: Iterable[str]) -> None:
    """Raise `ConfigError` for a parameter that no suite has."""
    known: set[str] = set()
    for suite in suites:
        document = load_suite(suite)
        known |= set(document.get("suite_parameters") or {})
        uses = (v for e in document["expectations"] for v in e.get("kwargs", {}).values())
        for value in uses:
            if isinstance(value, dict) and "$PARAMETER" in value:
                known |= set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", str(value["$PARAMETER"]))) - _FUNCTIONS
    for name in parameters:
        if name not in known:
            raise ConfigError(
                f"guards.parameters.{name}: no suite has such a parameter.{closest(name, known)} "
                f"There are: {', '.join(sorted(known))}"
            )


def with_parameters(
    document: Mapping[str, Any], parameters: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, str]]]:
    """Return the expectations of a suite that run, with their arguments.

    The suite's own `suite_parameters` are defaults. An expectation that uses a parameter whose value is None
    is left out: its subject does not exist in this run.

    Returns
    -------
    expectations : list of dict
    values : dict
        The value of each parameter.
    left_out : list of dict
        `expectation` and `parameter` of each expectation that does not run.

    Raises
    ------
    ConfigError
        If an expectation uses a parameter that has no value.
    """
    values = {**(document.get("suite_parameters") or {}), **parameters}
    chosen, left_out = [], []
    for expectation in document["expectations"]:
        names = list(_parameters(expectation, values))
        absent = next((n for n in names if values[n] is None), None)
        if absent is None:
            chosen.append(_with_columns(expectation, values))
        else:
            left_out.append({"expectation": expectation["type"], "parameter": absent})
    return chosen, values, left_out


def _parameters(expectation: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expectation.get("kwargs", {}).items():
        if isinstance(value, dict) and "$PARAMETER" in value:
            for used in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", str(value["$PARAMETER"])):
                if used in values:
                    yield used
                elif used not in _FUNCTIONS:
                    given = ", ".join(sorted(values))
                    raise ConfigError(
                        f"{expectation['type']}, {name!r}: there is no parameter {used!r}."
                        f"{closest(used, values)} There are: {given or 'none'}"
                    )


def _with_columns(expectation: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Insert the names of columns: Great Expectations groups pages by them and accepts no parameter there."""
    kwargs = dict(expectation.get("kwargs", {}))
    for name in _COLUMNS:
        if isinstance(kwargs.get(name), dict):
            parameter = kwargs[name].get("$PARAMETER")
            kwargs[name] = values.get(parameter, kwargs[name])
    return {**expectation, "kwargs": kwargs}


def _find(suite: str) -> Traversable:
    if "/" in suite or "\\" in suite:
        return Path(suite)
    name = suite if suite.endswith(".json") else f"{suite}.json"
    shipped = _shipped() / name
    if shipped.is_file():
        return shipped
    if Path(suite).is_file():
        return Path(suite)
    names = shipped_suites()
    raise ConfigError(
        f"there is no suite {suite!r}.{closest(name, names)} Shipped suites are {', '.join(names)}; "
        "name a suite of your own by its path, with a slash in it"
    )


def _shipped() -> Traversable:
    packaged = files("steelyard.guards") / "suites"
    # In a source checkout, the suites are in a folder at the top, where users look for them.
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "expectations"

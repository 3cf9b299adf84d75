"""Translate keys of the section `data` to options of the command line, or to arguments in code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from steelyard.errors import InputError

_OPTIONS = {
    "cost": "--cost",
    "exclude": "--exclude",
    "format": "--format",
    "group": "--group",
    "key": "--key",
    "label": "--label",
    "missing": "--missing",
    "options": "--option",
    "path": "DATA",
    "positive": "--positive",
    "time": "--time",
    "weight": "--weight",
}
_KEY = re.compile(r"(?<!pipeline, )(?<![\w/'\".])data\.([a-z]+)(?:\.([a-z_]+))?\b")
_IN_CODE = re.compile(r"; in code, the dataset's \w+")  # for `Trainer.fit`, which both may call


def as_options(message: str) -> str:
    """Return a message about a pipeline with the options of a command on a table.

    Examples
    --------
    >>> as_options("leave it out with data.exclude")
    'leave it out with --exclude'
    """
    return _named(message, _OPTIONS)


def as_arguments(message: str, arguments: Mapping[str, str]) -> str:
    """Return a message about a pipeline with the arguments that code has for keys of `data`.

    Examples
    --------
    >>> as_arguments("data.cost.false_positive is -1", {"cost.false_positive": "cost_fp"})
    'cost_fp is -1'
    """
    return _named(_IN_CODE.sub("", message), arguments)


def _named(message: str, names: Mapping[str, str]) -> str:
    def name(found: re.Match[str]) -> str:
        section, key = names.get(found[1]), found[2]
        whole = names.get(f"{found[1]}.{key}") if key else section
        return whole or (f"{section} {key}" if section else found[0])

    return _KEY.sub(name, message)


def named_values(pairs: Sequence[str] | None, option: str) -> dict[str, str]:
    """Return the values of a repeatable option, given as `NAME=value`.

    Raises
    ------
    InputError
        If one has another form.

    Examples
    --------
    >>> named_values(["sep=;"], "--option")
    {'sep': ';'}
    """
    bad = [pair for pair in pairs or [] if pair.find("=") < 1]
    if bad:
        raise InputError(f"{option} {bad[0]!r} is not of the form NAME=value")
    return dict(pair.split("=", 1) for pair in pairs or [])

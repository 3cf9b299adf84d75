"""Translate keys of the section `data` to options of the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
_KEY = re.compile(r"(?<!pipeline, )(?<![\w/'\".])data\.([a-z]+)\b(\.(?=\w))?")


def as_options(message: str) -> str:
    """Return a message about a pipeline with the options of a command on a table.

    Examples
    --------
    >>> as_options("leave it out with data.exclude")
    'leave it out with --exclude'
    """
    return _KEY.sub(_option, message)


def _option(match: re.Match[str]) -> str:
    name = _OPTIONS.get(match[1])
    return match[0] if name is None else name + (" " if match[2] else "")


def reading_options(pairs: Sequence[str] | None) -> dict[str, str]:
    """Return the options of Spark's reader, given as `NAME=value`.

    Raises
    ------
    InputError
        If an option has another form.
    """
    bad = [pair for pair in pairs or [] if "=" not in pair]
    if bad:
        raise InputError(f"--option {bad[0]!r} is not of the form NAME=value")
    return dict(pair.split("=", 1) for pair in pairs or [])

"""Checks of parameters' values."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Generic, TypeVar

from steelyard.errors import InputError, closest

MOST = 2**31 - 1
"""The largest number that tasks and libraries take as an int."""


def wrong(name: str, wanted: str, value: object, hint: str = "") -> InputError:
    """Return the error for a value that a parameter can't have."""
    return InputError(f"{name} must be {wanted}. Got {value!r} instead.{hint}")


T = TypeVar("T")


class Check(Generic[T]):
    """A check of a parameter's values, with the JSON Schema of what it accepts.

    Parameters
    ----------
    accept : callable
        Gets the name and a value that isn't None, and returns the value to keep or raises `InputError`.
    schema : mapping
    """

    def __init__(self, accept: Callable[[str, Any], T], schema: Mapping[str, Any]) -> None:
        self.accept, self.schema = accept, dict(schema)

    def __call__(self, name: str, value: Any) -> T:
        """Return the value to keep."""
        return self.accept(name, value)


def _column(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise wrong(name, "the name of a column", value)
    return value


def _columns(name: str, value: object) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names or not all(isinstance(n, str) and n for n in names):
        raise wrong(name, "the name of a column or a list of names", value)
    if len(set(names)) < len(names):
        raise wrong(name, "without repetition", value)
    return list(names)


_NAME = {"type": "string", "minLength": 1}

column = Check(_column, _NAME)
"""Accept the name of one column."""

columns = Check(_columns, {"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}]})
"""Accept the name of one column, or a list of names."""


def whole(at_least: int, at_most: int = MOST) -> Check[int]:
    """Accept whole numbers from `at_least` to `at_most`."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or not at_least <= int(value) <= at_most:
            limit = "" if at_most == MOST else f", up to {at_most:,}"
            raise wrong(name, f"a whole number, {at_least} or more{limit}", value)
        return int(value)

    return Check(check, {"type": "integer", "minimum": at_least, "maximum": at_most})


NEIGHBORS = whole(1, 10_000)
"""How many neighbours are looked for: lists of more fill the memory of a task."""


def number(low: float, high: float, wanted: str) -> Check[float]:
    """Accept numbers from `low` to `high`, which `wanted` describes in the error."""

    def check(name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
            raise wrong(name, wanted, value)
        return float(value)

    limits = {"minimum": low, "maximum": high}
    return Check(check, {"type": "number", **{n: v for n, v in limits.items() if math.isfinite(v)}})


share = number(math.ulp(0.0), 1, "a number above 0, and 1 at most")
"""Accept numbers above 0 and up to 1."""

at_least_zero = number(0, sys.float_info.max, "a number, 0 or more")
"""Accept finite numbers from 0 on."""

from_zero_to_one = number(0, 1, "a number from 0 to 1")
"""Accept numbers from 0 to 1."""


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong(name, "true or false", value)
    return value


flag = Check(_flag, {"type": "boolean"})
"""Accept True and False."""


def only_false(reason: str) -> Check[bool]:
    """Accept False alone, for parameters that imbalanced-learn has and a sampler can't obey."""

    def check(name: str, value: object) -> bool:
        if value is not False:
            raise InputError(f"{name} must be false: {reason}. Got {value!r} instead.")
        return False

    return Check(check, {"const": False})


def one_of(*options: str) -> Check[str]:
    """Accept some words."""

    def check(name: str, value: object) -> str:
        if value not in options:
            hint = closest(value, options) if isinstance(value, str) else ""
            raise wrong(name, " or ".join(map(repr, options)), value, hint)
        return str(value)

    return Check(check, {"enum": list(options)})

"""The string form of a class, used to write and compare classes in tables, configurations and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, TypeVar

from steelyard.errors import InputError

Value = TypeVar("Value")

WHOLE = 2.0**53
"""From here on doubles skip whole numbers: they are written with an exponent, as Spark and Java write them."""


def class_name(label: object) -> str:
    """Return the string form of a label: what `columns.class_text` gives for the same value in a table.

    Examples
    --------
    >>> class_name(1.0), class_name(True), class_name("fraud"), class_name(1e20)
    ('1', 'true', 'fraud', '1.0E20')
    """
    if isinstance(label, str):
        return label
    if isinstance(label, bool) or type(label).__name__ == "bool":
        return "true" if label else "false"
    if isinstance(label, Decimal):
        text = f"{label:f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text) if label else "0"
    if isinstance(label, Real) and not isinstance(label, Integral):
        return _float_name(label)
    return str(label)


def by_class(values: Mapping[Any, Value]) -> dict[str, Value]:
    """Return a map with its keys, which are classes, in their string form.

    Raises
    ------
    InputError
        If two keys are the same class.

    Examples
    --------
    >>> by_class({1.0: 10, "fraud": 20})
    {'1': 10, 'fraud': 20}
    >>> by_class({1: 10, "1": 20})
    Traceback (most recent call last):
    ...
    steelyard.errors.InputError: class '1' is named twice, as 1 and as '1'
    """
    forms: dict[str, Any] = {}
    for label in values:
        name = class_name(label)
        if name in forms:
            raise InputError(f"class {name!r} is named twice, as {forms[name]!r} and as {label!r}")
        forms[name] = label
    return {name: values[label] for name, label in forms.items()}


def _float_name(label: Real) -> str:
    value = float(label)
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    return str(label) if 1e-3 <= abs(value) < 1e7 or math.isnan(value) else _scientific(str(label))


def _scientific(text: str) -> str:
    """Return a number in Java's scientific notation."""
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    assert isinstance(exponent, int)
    first, *rest = map(str, digits)
    return f"{'-' * sign}{first}.{''.join(rest) or '0'}E{exponent + len(rest)}"


def class_order(classes: Iterable[str]) -> list[str]:
    """Sort classes as their labels are: as numbers where all are numbers, else as text."""
    names = list(classes)
    try:
        exact = {name: Decimal(name) for name in names}
    except ArithmeticError:
        return sorted(names)
    if any(number.is_nan() for number in exact.values()):
        return sorted(names)
    return sorted(names, key=lambda name: (exact[name], name))

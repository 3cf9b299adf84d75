"""What is known of a column's values: bounds, whole numbers, formulas, and the direction of their effect."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from typing import Any, Literal

from steelyard.errors import InputError, closest
from steelyard.plain import number


@dataclass(frozen=True)
class ColumnDomain:
    """The domain of one feature.

    Parameters
    ----------
    min, max : float, optional
        Least and greatest value, also as a decimal or a number of NumPy. Synthetic rows are clipped to them.
    integer : bool, default False
        Whether values are whole numbers. Those of synthetic rows are rounded.
    immutable : bool, default False
        Whether a synthetic row has the value of its seed row, unchanged.
    derived : str, optional
        SQL expression of other features. It gives the value in synthetic rows.
    monotone : {1, -1}, optional
        Whether the score of the positive class may only rise (1) or only fall (-1) with the value.

    Raises
    ------
    InputError
        For a value of another type, and if it declares nothing, or contradicts itself.

    Examples
    --------
    >>> ColumnDomain(min=17, max=90.5, integer=True).limits
    (17, 90)
    >>> ColumnDomain(min=2, max=1)
    Traceback (most recent call last):
    ...
    steelyard.errors.InputError: min 2 is above max 1
    """

    min: float | None = None
    max: float | None = None
    integer: bool = False
    immutable: bool = False
    derived: str | None = None
    monotone: Literal[1, -1] | None = None

    def __post_init__(self) -> None:
        """Take NumPy's values and decimals; refuse other types, an empty declaration and contradictions."""
        for field in dataclass_fields(self):
            object.__setattr__(self, field.name, number(getattr(self, field.name)))
        self._check_types()
        low, high = self.limits
        if not self.to_json():
            raise InputError("declares nothing: give min, max, integer, immutable, derived or monotone")
        if self.immutable and self.derived is not None:
            raise InputError("immutable copies the value and derived computes it: leave one out")
        if self.derived is not None and "${" in self.derived:
            raise InputError("derived cannot hold ${...}, which Spark would replace by a variable")
        if self.derived is not None and self.bounded:
            raise InputError("derived computes the value: leave min, max and integer out")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise InputError(f"min {self.min:g} is above max {self.max:g}")
        if low is not None and high is not None and low > high:
            raise InputError(f"there is no whole number from {self.min:g} to {self.max:g}")

    def _check_types(self) -> None:
        for name in ("min", "max"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                raise InputError(f"{name} must be a number. Got {value!r} instead.")
            if not _is_double(value):
                raise InputError(f"{name} must be a finite number, within those of a double")
        for name in ("integer", "immutable"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} must be true or false. Got {getattr(self, name)!r} instead.")
        if self.derived is not None and not (isinstance(self.derived, str) and self.derived.strip()):
            raise InputError(f"derived must be an SQL expression. Got {self.derived!r} instead.")
        if self.monotone is not None:
            if isinstance(self.monotone, bool) or self.monotone not in (1, -1):
                raise InputError(f"monotone must be 1 or -1. Got {self.monotone!r} instead.")
            object.__setattr__(self, "monotone", int(self.monotone))

    @property
    def bounded(self) -> bool:
        """Whether it restricts numbers."""
        return self.min is not None or self.max is not None or self.integer

    @property
    def numeric(self) -> bool:
        """Whether it is for numbers only."""
        return self.bounded or self.monotone is not None

    @property
    def shapes_rows(self) -> bool:
        """Whether it says anything about values of synthetic rows."""
        return self.bounded or self.immutable or self.derived is not None

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The least and the greatest value; of whole numbers, these are whole."""
        if not self.integer:
            return self.min, self.max
        return None if self.min is None else math.ceil(self.min), None if self.max is None else math.floor(self.max)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types, without what is not declared."""
        return {name: value for name, value in asdict(self).items() if value is not None and value is not False}


def _is_double(value: Any) -> bool:
    return value is None or -sys.float_info.max <= value <= sys.float_info.max


Domain = Mapping[str, ColumnDomain]
"""The domains of features, by name."""


def domain_of(given: Mapping[str, ColumnDomain | Mapping[str, Any]]) -> dict[str, ColumnDomain]:
    """Return the domains of a mapping of feature to `ColumnDomain`, or to its fields.

    Raises
    ------
    InputError
        For an unknown field, and as `ColumnDomain`; the message names the feature.

    Examples
    --------
    >>> domain_of({"age": {"min": 0, "integer": True}})["age"].integer
    True
    """
    if not isinstance(given, Mapping):
        raise InputError(f"a domain is a mapping of feature to its fields. Got {given!r} instead.")
    return {name: _domain(name, of) for name, of in given.items()}


def _domain(name: str, of: ColumnDomain | Mapping[str, Any]) -> ColumnDomain:
    if isinstance(of, ColumnDomain):
        return of
    fields = [field.name for field in dataclass_fields(ColumnDomain)]
    if not isinstance(of, Mapping):
        raise InputError(f"domain.{name} is a mapping of {', '.join(fields)} to values. Got {of!r} instead.")
    for field in of:
        if field not in fields:
            raise InputError(f"domain.{name} has no field {field!r}.{closest(str(field), fields)}")
    try:
        return ColumnDomain(**of)
    except InputError as error:
        raise InputError(f"domain.{name}: {error}") from None


def immutable(domain: Domain) -> list[str]:
    """Return the features that synthetic rows copy from their seed row."""
    return [name for name, of in domain.items() if of.immutable]


def monotone(domain: Domain) -> dict[str, int]:
    """Return the direction of the effect of each monotone feature."""
    return {name: of.monotone for name, of in domain.items() if of.monotone is not None}

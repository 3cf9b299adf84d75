"""What is known of a column's values: bounds, whole numbers, formulas, and the direction of their effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from steelyard.errors import InputError


@dataclass(frozen=True)
class ColumnDomain:
    """The domain of one feature.

    Parameters
    ----------
    min, max : float, optional
        Least and greatest value. Synthetic rows are clipped to them.
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
        If it declares nothing, or contradicts itself.

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
        """Refuse an empty declaration and contradictions."""
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
    found = {}
    for name, of in given.items():
        try:
            found[name] = of if isinstance(of, ColumnDomain) else ColumnDomain(**of)
        except (InputError, TypeError) as error:
            raise InputError(f"domain.{name}: {error}") from None
    return found


def immutable(domain: Domain) -> list[str]:
    """Return the features that synthetic rows copy from their seed row."""
    return [name for name, of in domain.items() if of.immutable]


def monotone(domain: Domain) -> dict[str, int]:
    """Return the direction of the effect of each monotone feature."""
    return {name: of.monotone for name, of in domain.items() if of.monotone is not None}

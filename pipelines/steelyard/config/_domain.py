"""The section `data.domain`: what is known of the values of features."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from steelyard.config._values import Section
from steelyard.domain import ColumnDomain
from steelyard.errors import InputError


class DomainConfig(Section):
    """The domain of one feature."""

    min: int | float | None = None
    max: int | float | None = None
    integer: bool = False
    immutable: bool = False
    derived: Annotated[str, Field(min_length=1)] | None = None
    monotone: Literal[1, -1] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> DomainConfig:
        try:
            self.domain()
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def domain(self) -> ColumnDomain:
        """Return the domain."""
        return ColumnDomain(**self.model_dump())

"""Parameters of a trainer: one pydantic model each, checked before a session starts. Needs no Spark and no pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from steelyard.config import plain
from steelyard.errors import ConfigError, closest


class Parameters(BaseModel):
    """Base of the parameters of a trainer: one field each, by the name that the training library uses.

    A field with the default None leaves its value to the library. Each field has limits and a description:
    `steelyard schema` and the documentation show them.

    Attributes
    ----------
    elsewhere : mapping of str to str
        Names that users of the library may try, and what to write instead.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Mine(Parameters):
    ...     depth: int = Field(3, ge=1, le=10, description="Levels of a tree.")
    >>> Mine.parse("mine", {"depth": 5}).given()
    {'depth': 5}
    >>> Mine.parse("mine", {"depth": 11})
    Traceback (most recent call last):
    steelyard.errors.ConfigError: train.params.depth must be an integer of at least 1 and at most 10. Got 11 instead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    elsewhere: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def parse(cls, trainer: str, params: Mapping[str, Any]) -> Self:
        """Return the parameters with defaults filled in.

        Raises
        ------
        ConfigError
            For an unknown name, with the nearest one, or a value of the wrong type or outside its limits.
        """
        known = cls.model_fields
        for name in params:
            if name in cls.elsewhere:
                raise ConfigError(f"train.params.{name} is not for {trainer}: {cls.elsewhere[name]}")
            if name not in known:
                hint = closest(str(name), known)
                raise ConfigError(f"{trainer} has no parameter {name!r}.{hint} It has: {', '.join(known) or 'none'}")
        try:
            return cls(**plain(params))
        except ValidationError as error:
            faults = {fault["loc"][:1]: fault for fault in reversed(error.errors())}
            raise ConfigError("\n".join(cls._words(fault) for fault in reversed(faults.values()))) from None

    @classmethod
    def _words(cls, fault: Any) -> str:
        if not fault["loc"]:
            return f"train.params: {str(fault['msg']).removeprefix('Value error, ')}"
        name = fault["loc"][0]
        allowed = cls.allowed()[name]
        if fault["type"] == "value_error":
            return f"train.params.{name}: {str(fault['msg']).removeprefix('Value error, ')}"
        if fault["type"] == "missing":
            return f"train.params.{name} is missing; it has no default"
        if allowed is None:
            return f"train.params.{'.'.join(map(str, fault['loc']))}: {fault['msg']}. Got {fault['input']!r} instead."
        return f"train.params.{name} must be {allowed}. Got {fault['input']!r} instead."

    @classmethod
    def allowed(cls) -> dict[str, str | None]:
        """Return the allowed values of each parameter in words; None for types that have no short form."""
        return {name: _allowed(field) for name, field in cls.model_json_schema().get("properties", {}).items()}

    def given(self) -> dict[str, Any]:
        """Return names and values, without those that are left to the library."""
        fields = type(self).model_fields
        return {n: v for n, v in self.model_dump().items() if not (v is None and fields[n].default is None)}


_KINDS = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "object": "a map",
}


def _allowed(schema: Mapping[str, Any]) -> str | None:
    """Return a JSON schema of one value in words."""
    if "anyOf" in schema:
        options = [_allowed(option) for option in schema["anyOf"] if option.get("type") != "null"]
        null = len(options) < len(schema["anyOf"]) and schema.get("default") is not None
        return None if None in options else " or ".join(filter(None, options)) + (", or null" if null else "")
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    kind = _KINDS.get(schema.get("type", ""))
    return None if kind is None else kind + _limits(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    words = {
        "exclusiveMinimum": "above",
        "minimum": "of at least",
        "exclusiveMaximum": "below",
        "maximum": "at most",
    }
    found = [f"{word} {schema[name]:.12g}" for name, word in words.items() if name in schema]
    return " " + " and ".join(found) if found else ""

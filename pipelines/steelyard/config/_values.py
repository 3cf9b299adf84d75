"""Types of the values in a pipeline YAML, and the base of its sections."""

from __future__ import annotations

import re
from datetime import timedelta
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from steelyard.errors import ConfigError, InputError, closest
from steelyard.labels import by_class, class_name
from steelyard.plain import plain

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36525)
AUTO = "auto"
"""Stands for the sampler that the stage `diagnose` recommends."""


FILE_FORMATS = frozenset({"parquet", "csv", "json", "orc", "text", "avro", "xml"})
"""Formats whose tables are plain files, which can be listed and pinned."""

_OTHER_FORMATS = frozenset({"delta", "hudi", "iceberg"})  # of folders, with a package of their own


def known_format(name: str | None, option: str) -> str | None:
    """Return a format's name, checked for a command on files.

    Raises
    ------
    ConfigError
        If the format is unknown; a Spark class is given with its package, which contains a dot.
    """
    known = FILE_FORMATS | _OTHER_FORMATS
    if name is None or _format(name) in known or "." in name:
        return None if name is None else _format(name)
    raise ConfigError(
        f"{option}: there is no format {name!r}.{closest(name, known)} Known are {', '.join(sorted(known))}; name any "
        "other by its class, such as org.example.Source"
    )


def _format(name: str) -> str:
    """Return a format's name as it is compared: Spark ignores its case."""
    return name.lower() if name.lower() in FILE_FORMATS | _OTHER_FORMATS | {"jdbc"} else name


def rule_text(rule: Any) -> str:
    """Return a rule of `decide.threshold` as words.

    Examples
    --------
    >>> rule_text({"recall_at_least": 0.9}), rule_text({"maximize": {"f_beta": 3}}), rule_text("per_row_cost")
    ('recall at least 0.9', 'maximize f_beta 3', 'per-row cost')
    >>> rule_text({"conformal_recall": {"recall": 0.9, "confidence": 0.95}})
    'conformal recall 0.9, confidence 0.95'
    """
    if isinstance(rule, str):
        return "per-row cost" if rule == "per_row_cost" else rule
    if not isinstance(rule, dict):
        return f"{rule:g}" if isinstance(rule, float) else str(rule)
    if isinstance(rule.get("alerts"), dict):
        given = rule["alerts"]
        budget = given.get("at_most")
        most = f"top {given['top']}" if "top" in given else f"at most {budget} alert{'' if budget == 1 else 's'}"
        return ", ".join([f"{most} per {given.get('per')}", *_confidence(given)])
    if isinstance(rule.get("conformal_recall"), dict):
        given = rule["conformal_recall"]
        return ", ".join([f"conformal recall {given.get('recall')}", *_confidence(given)])
    return ", ".join(f"{k if k == 'f_beta' else k.replace('_', ' ')} {rule_text(v)}" for k, v in rule.items())


def _confidence(given: dict[str, Any]) -> list[str]:
    return [f"confidence {given['confidence']:g}"] if "confidence" in given else []


MISSING = ("", "NA", "NaN", "null", "?")
"""Values of a CSV file that mean "missing" by default, in upper or lower case."""


def duration(text: str) -> timedelta:
    """Return the duration of a text such as `30s`, `15m`, `12h`, `7d` or `2w`.

    Examples
    --------
    >>> duration("7d").days
    7
    """
    match = re.fullmatch(r"(\d+)\s*([smhdw])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and one of s, m, h, d, w, such as '7d'")
    try:
        length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    except (OverflowError, ValueError):
        length = timedelta.max
    if length > _LONGEST:
        raise ValueError(f"{text!r} is longer than {_LONGEST.days:,} days")
    return length


def _checked_duration(text: str) -> str:
    duration(text)
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """Return a class of the YAML in the string form of labels."""
    return class_name(value) if isinstance(value, bool | int | float) else value


def text_keys(value: Any) -> Any:
    """Return a map by class with its keys in string form. Raise `ValueError` if two keys are the same class."""
    if not isinstance(value, dict) or None in value:  # pydantic refuses null as a key
        return value
    try:
        return by_class(value)
    except InputError as error:
        raise ValueError(str(error)) from None


def text_classes(value: Any) -> Any:
    """Return guard parameters with their list of classes in string form."""
    if isinstance(value, dict) and isinstance(value.get("classes"), list):
        return {**value, "classes": [_text(c) for c in value["classes"]]}
    return value


def _markers(value: Any) -> Any:
    """Return markers of missing values as texts: YAML reads null and .nan as non-strings."""
    value = _listed(value)
    if not isinstance(value, list):
        return value
    return ["null" if v is None else "NaN" if v != v else _text(v) for v in value]


def not_boolean(value: Any) -> Any:
    """Refuse true and false, which pydantic reads as 1 and 0."""
    if value is True or value is False:
        raise ValueError(f"must be a number. Got {str(value).lower()} instead")
    return value


def _kinds(annotation: Any) -> set[Any]:
    """Return the types that a value may have."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*map(_kinds, get_args(annotation)))
    return {annotation}


Name = Annotated[str, Field(min_length=1)]
Format = Annotated[str, AfterValidator(_format)]
Columns = Annotated[list[Name], BeforeValidator(_listed, json_schema_input_type=Name | list[Name])]
Marker = str | int | float | bool | None
Markers = Annotated[list[str], BeforeValidator(_markers, json_schema_input_type=list[Marker] | str)]
Amount = Annotated[float, Field(ge=0), BeforeValidator(not_boolean)]
ClassText = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int | float | bool)]
Duration = Annotated[str, AfterValidator(_checked_duration)]
Share = Annotated[float, Field(ge=0, lt=1)]
Matrix = Annotated[
    dict[str, Annotated[dict[str, Amount], BeforeValidator(text_keys)]],
    BeforeValidator(text_keys, json_schema_input_type=dict[str, dict[str, Amount]]),
    Field(min_length=1),
]
Rate = Annotated[float, Field(gt=0, le=1), BeforeValidator(not_boolean)]
Rates = Annotated[dict[str, Rate], BeforeValidator(text_keys, json_schema_input_type=dict[str, Rate])]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, and so are true and false for numbers. NumPy's are taken."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return plain(given)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls.model_fields[info.field_name or ""].annotation)
        return not_boolean(value) if kinds & {int, float} and not kinds & {bool, Any} else value

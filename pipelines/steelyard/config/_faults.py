"""Errors of a configuration, with path and line, in terms of the configuration instead of pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from steelyard.config._secrets import holds_secret, is_secret_name
from steelyard.errors import closest

_UNION_BRANCHES = ("function-", "literal[", "dict[", "list[", "constrained-")
_NO_ECHO = {"options", "conf", "master"}  # sections whose values errors never show


def explain(
    error: ValidationError, model: type[BaseModel], document: Any = None, source: str | Path | None = None
) -> str:
    """Return the errors with path and line, in terms of the configuration instead of pydantic."""
    faults = [(fault, _path(fault["loc"])) for fault in error.errors()]
    lines = []
    for fault, path in faults:
        if any(other[: len(path)] == path and other != path for _, other in faults):
            continue  # another type of a union, which the value was not meant for
        line = _line(document, path)
        places = [f"line {line}" if line else "", str(source) if source is not None else ""]
        where = f" ({' of '.join(filter(None, places))})" if any(places) else ""
        place = ".".join(map(str, path)) or model.__name__.removesuffix("Config").lower()
        lines.append(f"{place}: {_words(fault, path, model)}{where}")
    return "\n".join(dict.fromkeys(lines))


def _path(place: Sequence[int | str]) -> list[int | str]:
    """Return the place of a fault in the document, without the types of unions that pydantic inserts."""
    return [part for part in place if not str(part).startswith(_UNION_BRANCHES)]


def _words(fault: Any, path: Sequence[int | str], model: type[BaseModel]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return "unknown key." + closest(str(path[-1]), _known_keys(path[:-1], model))
    if fault["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        return "must be a mapping of keys to values" + _got(fault, path)
    if fault["type"] == "missing":
        return "is missing"
    shown = "" if "got" in message or fault["type"] == "value_error" else _got(fault, path)
    return message[0].lower() + message[1:] + shown


def _got(fault: Any, path: Sequence[int | str]) -> str:
    """Return the given value for a message, unless it may be a secret."""
    got = fault.get("input")
    secret = any(part in _NO_ECHO or is_secret_name(str(part)) for part in path) or holds_secret(got)
    return f", got {got!r}" if isinstance(got, str | int | float | bool) and not secret else ""


def _known_keys(path: Sequence[int | str], of: type[BaseModel]) -> list[str]:
    """Return the keys that the value at `path` of a model may have."""
    kinds: list[Any] = [of]
    for part in path:
        kinds = [inner for kind in kinds for inner in _below(kind, part)]
    models = [kind for kind in kinds if hasattr(kind, "model_fields")]
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _below(kind: Any, part: int | str) -> list[Any]:
    """Return the types that a model's field, or each value of a mapping or a list, may have."""
    if hasattr(kind, "model_fields"):
        field = kind.model_fields.get(part)
        return [] if field is None else _alternatives(field.annotation)
    return _alternatives(get_args(kind)[-1]) if get_origin(kind) in (dict, list) else []


def _alternatives(annotation: Any) -> list[Any]:
    """Return the types of a union, and any other type alone.

    Examples
    --------
    >>> _alternatives(int | None), _alternatives(dict[str, int])
    ([<class 'int'>, <class 'NoneType'>], [dict[str, int]])
    """
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for of in get_args(annotation) for kind in _alternatives(of)]
    return [annotation]


def _line(document: Any, path: Sequence[int | str]) -> int | None:
    """Return the 1-based line of the deepest key of `path` that the document has."""
    line: int | None = None
    for part in path:
        try:
            position = document.lc.data[part]
            document = document[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
        line = position[0] + 1
    return line

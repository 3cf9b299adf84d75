"""The setting `train.loss`: a name, or a map of a name to its parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from steelyard.errors import closest
from steelyard.plain import plain

LOG_LOSS = "log_loss"
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "focal": {"gamma": 2.0, "alpha": 0.5},
    "class_balanced_focal": {"beta": "auto", "gamma": 2.0},
    "logit_adjusted": {"tau": 1.0},
    "ldam": {"max_margin": 0.5, "scale": 30.0, "drw_epoch": 20},
}
LOSSES = (LOG_LOSS, *_DEFAULTS)


def _written(name: str) -> str:
    """Return a loss with its defaults as a YAML has it."""
    return f"{{{name}: {{{', '.join(f'{k}: {v}' for k, v in _DEFAULTS[name].items())}}}}}"


_FORMS = ", ".join(map(_written, _DEFAULTS))
_LIMITS: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "gamma": (lambda x: 0 <= x <= 10, "a number from 0 to 10"),
    "tau": (lambda x: 0 <= x <= 10, "a number from 0 to 10"),
    "alpha": (lambda x: 0 < x < 1, "a number between 0 and 1"),
    "beta": (lambda x: 0 < x < 1, "auto or a number between 0 and 1"),
    "max_margin": (lambda x: 0 < x <= 2, "a number above 0 and up to 2"),
    "scale": (lambda x: 0 < x <= 1000, "a number above 0 and up to 1000"),
    "drw_epoch": (lambda x: x >= 0 and x == int(x), "a whole number of 0 or more"),
}
_BETWEEN = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_TO_TEN = {"type": "number", "minimum": 0, "maximum": 10}
_SCHEMAS: Mapping[str, Any] = {
    "gamma": _TO_TEN,
    "tau": _TO_TEN,
    "alpha": _BETWEEN,
    "beta": {"anyOf": [{"const": "auto"}, _BETWEEN]},
    "max_margin": {"type": "number", "exclusiveMinimum": 0, "maximum": 2},
    "scale": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
    "drw_epoch": {"type": "integer", "minimum": 0},
}
LOSS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"enum": [LOG_LOSS]},
        *(
            {
                "type": "object",
                "properties": {
                    name: {
                        "type": "object",
                        "properties": {key: _SCHEMAS[key] for key in of},
                        "additionalProperties": False,
                    }
                },
                "required": [name],
                "additionalProperties": False,
            }
            for name, of in _DEFAULTS.items()
        ),
    ]
}


def parse_loss(value: Any) -> str | dict[str, dict[str, Any]]:
    """Return a loss with all its parameters.

    Raises
    ------
    ValueError
        For another form, an unknown loss or parameter, or a value outside its limits.

    Examples
    --------
    >>> parse_loss({"focal": {"gamma": 1}})
    {'focal': {'gamma': 1.0, 'alpha': 0.5}}
    """
    value = plain(value)
    if value == LOG_LOSS:
        return LOG_LOSS
    if isinstance(value, str) and value in _DEFAULTS:
        raise ValueError(f"{value} is written as a map, such as {_written(value)}")
    if isinstance(value, Mapping) and LOG_LOSS in value and len(value) == 1:
        raise ValueError(f"{LOG_LOSS} has no parameters: write {LOG_LOSS}")
    if not isinstance(value, Mapping) or len(value) != 1:
        hint = closest(value, LOSSES) if isinstance(value, str) else ""
        raise ValueError(f"must be {LOG_LOSS}, {_FORMS}.{hint} Got {value!r} instead")
    [(name, given)] = value.items()
    if name not in _DEFAULTS:
        raise ValueError(f"there is no loss {name!r}.{closest(str(name), LOSSES)} There are {LOG_LOSS}, {_FORMS}")
    return {name: {**_DEFAULTS[name], **_parameters(name, given)}}


def loss_name(loss: str | Mapping[str, Any]) -> str:
    """Return the name of a loss."""
    return loss if isinstance(loss, str) else next(iter(loss))


def _parameters(name: str, given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(  # noqa: TRY004 - pydantic takes no TypeError
            f"{name} must be a map of {', '.join(_DEFAULTS[name])}. Got {given!r} instead"
        )
    for key, value in given.items():
        if key not in _DEFAULTS[name]:
            raise ValueError(f"{name} has no parameter {key!r}.{closest(str(key), _DEFAULTS[name])}")
        within, limits = _LIMITS[key]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and within(value)) and (key, value) != ("beta", "auto"):
            raise ValueError(f"{name}.{key} must be {limits}. Got {value!r} instead")
    return {k: v if v == "auto" else int(v) if k == "drw_epoch" else float(v) for k, v in given.items()}

"""The JSON Schema of a pipeline YAML, for editors: keys, types, meanings, and all names that values can have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steelyard.config import AUTO, DESCRIPTIONS, PipelineConfig
from steelyard.learning import trainer_names, trainer_parameters
from steelyard.metrics import metric_names
from steelyard.sampling import sampler_names, sampler_schema

_URL = "https://json-schema.org/draft/2020-12/schema"
_DOTTED = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
_SHARE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}


def pipeline_schema() -> dict[str, Any]:
    """Return the JSON Schema of a pipeline."""
    schema = {"$schema": _URL, **PipelineConfig.model_json_schema(by_alias=True)}
    for path, key in _keys(schema, schema):
        if path in DESCRIPTIONS:
            key["description"] = DESCRIPTIONS[path]
    sections = schema["$defs"]
    _add_samplers(sections["ResampleConfig"])
    _add_trainers(sections["TrainConfig"])
    schema["properties"]["gate"]["propertyNames"] = {"enum": metric_names()}
    threshold = sections["DecideConfig"]["properties"]["threshold"]
    threshold["anyOf"] = [*({"type": "object", **_only(n, of)} for n, of in _rules().items()), {"type": "null"}]
    return schema


def _add_samplers(section: dict[str, Any]) -> None:
    """Let `resample.method` be a known name or a dotted path, and the other keys be that sampler's parameters."""
    method = section["properties"]["method"]
    names = {"enum": sorted({AUTO, *sampler_names()})}
    method["anyOf"] = [names, {"type": "string", "format": "dotted path", "pattern": _DOTTED}]
    section["allOf"] = [_keys_of(name, default=name == method["default"]) for name in sampler_names()]


def _keys_of(sampler: str, *, default: bool) -> dict[str, Any]:
    named = {"properties": {"method": {"const": sampler}}, **({} if default else {"required": ["method"]})}
    allowed = {"properties": {"method": {}, **sampler_schema(sampler)}, "additionalProperties": False}
    return {"if": named, "then": allowed}


def _add_trainers(section: dict[str, Any]) -> None:
    """Let `train.model` be a known name or a dotted path, and `train.params` hold that trainer's parameters."""
    model = section["properties"]["model"]
    model["anyOf"] = [{"enum": trainer_names()}, {"type": "string", "format": "dotted path", "pattern": _DOTTED}]
    section["allOf"] = [_params_of(name, default=name == model["default"]) for name in trainer_names()]


def _params_of(trainer: str, *, default: bool) -> dict[str, Any]:
    named = {"properties": {"model": {"const": trainer}}, **({} if default else {"required": ["model"]})}
    return {"if": named, "then": {"properties": {"params": trainer_parameters(trainer).model_json_schema()}}}


def _rules() -> dict[str, Any]:
    return {
        "maximize": {"enum": metric_names(maximize=True)},
        "minimize": {"const": "cost"},
        "precision_at_least": _SHARE,
        "recall_at_least": _SHARE,
        "value": {"type": "number", "minimum": 0, "maximum": 1},
    }


def _only(name: str, value: Any) -> dict[str, Any]:
    return {"properties": {name: value}, "required": [name], "additionalProperties": False}


def _keys(schema: dict[str, Any], part: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the schema of each key, sections first."""
    for name, key in part.get("properties", {}).items():
        path = f"{above}{name}"
        yield path, key
        for below, place in _sections(schema, key):
            yield from _keys(schema, below, f"{path}{place}.")


def _sections(schema: dict[str, Any], key: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the sections that a key's value can be, and where in the value they are."""
    for option in (key, *key.get("anyOf", [])):
        if "$ref" in option:
            yield schema["$defs"][option["$ref"].rpartition("/")[2]], ""
        if isinstance(option.get("additionalProperties"), dict):
            yield from ((of, ".*") for of, _ in _sections(schema, option["additionalProperties"]))

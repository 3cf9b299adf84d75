"""The JSON Schema of a pipeline YAML, for editors: keys, types, meanings, and all names that values can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from steelyard.config import AUTO, DESCRIPTIONS, PipelineConfig
from steelyard.deciding import ALERTS, CONFORMAL, F_BETA, PER_ROW_COST, PERIODS
from steelyard.learning import trainer_names, trainer_parameters
from steelyard.metrics import metric_names
from steelyard.sampling import sampler_names, sampler_schema

_URL = "https://json-schema.org/draft/2020-12/schema"
_DOTTED = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
_BETA = {"type": "number", "exclusiveMinimum": 0, "maximum": 1000}
_SHARE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}


def pipeline_schema() -> dict[str, Any]:
    """Return the JSON Schema of a pipeline."""
    schema = {"$schema": _URL, **PipelineConfig.model_json_schema(by_alias=True)}
    for path, key in _keys(schema, schema):
        if path in DESCRIPTIONS:
            key["description"] = DESCRIPTIONS[path]
    sections = schema["$defs"]
    _add_names(sections["ResampleConfig"], "method", sampler_names(), _sampler, also=(AUTO,))
    _add_names(sections["TrainConfig"], "model", trainer_names(), _trainer, also=(AUTO,))
    schema["properties"]["gate"]["propertyNames"] = {"enum": metric_names()}
    threshold = sections["DecideConfig"]["properties"]["threshold"]
    threshold["anyOf"] = [*_rules().values(), {"type": "null"}]
    return schema


def _add_names(
    section: dict[str, Any],
    key: str,
    names: Sequence[str],
    of: Callable[[str], dict[str, Any]],
    also: Sequence[str] = (),
) -> None:
    """Let a key be a known name or a dotted path, and the section's other keys be what a name allows."""
    value = section["properties"][key]
    dotted = {"type": "string", "format": "dotted path", "pattern": _DOTTED}
    value["anyOf"] = [{"enum": sorted({*names, *also})}, dotted]
    section["allOf"] = []
    for name in names:
        named = {"properties": {key: {"const": name}}, **({} if name == value["default"] else {"required": [key]})}
        section["allOf"].append({"if": named, "then": of(name)})


def _sampler(name: str) -> dict[str, Any]:
    return {"properties": {"method": {}, **sampler_schema(name)}, "additionalProperties": False}


def _trainer(name: str) -> dict[str, Any]:
    return {"properties": {"params": trainer_parameters(name).model_json_schema()}}


def _rules() -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "maximize": {"anyOf": [{"enum": metric_names(maximize=True)}, _only(F_BETA, _BETA)]},
        "minimize": {"const": "cost"},
        "precision_at_least": _SHARE,
        "recall_at_least": _SHARE,
        "value": {"type": "number", "minimum": 0, "maximum": 1},
    }
    share = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    per, most = {"enum": list(PERIODS)}, {"type": "integer", "minimum": 1}
    budget = {"per": per, "at_most": most, "confidence": share}
    arguments[ALERTS] = {"anyOf": [_map(budget, "per", "at_most"), _map({"per": per, "top": most}, "per", "top")]}
    arguments[CONFORMAL] = {"anyOf": [share, _map({"recall": share, "confidence": share}, "recall")]}
    return {PER_ROW_COST: {"const": PER_ROW_COST}, **{name: _only(name, of) for name, of in arguments.items()}}


def _only(name: str, value: Any) -> dict[str, Any]:
    return _map({name: value}, name)


def _map(keys: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": keys, "required": list(required), "additionalProperties": False}


def _keys(schema: dict[str, Any], part: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and the schema of each key, sections first."""
    for name, key in part.get("properties", {}).items():
        path = f"{above}{name}"
        yield path, key
        for below, place in sections_of(schema, key):
            yield from _keys(schema, below, f"{path}{place}.")


def sections_of(schema: dict[str, Any], key: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the sections that a key's value can be, and where in the value they are."""
    for option in (key, *key.get("anyOf", [])):
        if "$ref" in option:
            yield schema["$defs"][option["$ref"].rpartition("/")[2]], ""
        if isinstance(option.get("additionalProperties"), dict):
            yield from ((of, ".*") for of, _ in sections_of(schema, option["additionalProperties"]))

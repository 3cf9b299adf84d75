"""The page `docs/pipeline-yaml.md`: every key of a pipeline YAML, from the models that check it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steelyard.config import DESCRIPTIONS
from steelyard.learning import trainer_parameters
from steelyard.metrics import METRICS
from steelyard.sampling import sampler_class, sampler_names
from steelyard.sampling._params import HasColumns
from steelyard.sampling.registry import IN_PIPELINES
from steelyard.stages._schema import pipeline_schema

HEAD = """# The pipeline YAML

`steelyard schema --markdown` prints this page, and `steelyard schema` the same as a JSON Schema for editors. An unknown
key is an error. Strings may hold `${NAME}`, which `--var NAME=value` gives, and `${env:NAME}`, which is never written
anywhere. `--set a.b=c` overrides a key. Relative paths start at the YAML's folder.
"""

EXAMPLES: dict[str, str] = {
    "version": "version: 1",
    "name": "name: card_fraud",
    "data": "data: {path: t.parquet, label: is_fraud, key: id, cost: {false_negative: amount, false_positive: 5}}",
    "split": "split: {method: stratified, validation: 0.1, test: 0.2, seed: 7}",
    "resample": "resample: {method: smote, sampling_strategy: 0.1, k_neighbors: 5}",
    "train": "train: {model: xgboost, params: {n_estimators: 200, max_depth: 6}}",
    "decide": "decide: {calibrate: auto, threshold: {minimize: cost}}",
    "gate": "gate: {pr_auc: {min: 0.7}, recall: {min_ci95: 0.75}}",
    "guards": "guards: {parameters: {minority_share_min: 0.0005}, quarantine: true}",
    "spark": 'spark: {master: "local[4]", conf: {spark.driver.memory: 8g}}',
    "airflow": 'airflow: {schedule: "0 3 * * *", start_date: 2026-01-01, retries: 2}',
    "score": 'score: {path: "new/${date}.parquet", out: "scores/${date}"}',
}
"""A line of YAML for each section; together they are a pipeline."""

_OBJECTS = ("estimator", "svm_estimator")  # parameters that no YAML can give

_RULES = (
    ("{value: 0.2}", "This probability."),
    ("{minimize: cost}", "Least expected cost; needs `data.cost`."),
    ("{maximize: f2}", "Greatest F1, F2, F0.5, MCC, G-mean or balanced accuracy."),
    ("{recall_at_least: 0.9}", "The greatest precision with at least this recall."),
    ("{precision_at_least: 0.5}", "The greatest recall with at least this precision."),
)


def pipeline_reference() -> str:
    """Return the page."""
    schema = pipeline_schema()
    parts = [HEAD]
    for name, example in EXAMPLES.items():
        parts.append(f"## `{name}`\n\n{DESCRIPTIONS[name]}\n\n```yaml\n{example}\n```\n")
        rows = list(_rows(schema, name, schema["properties"][name]))
        if rows:
            parts.append(_table(("key", "values", "default", "meaning"), rows))
        parts += _MORE[name]() if name in _MORE else []
    return "\n".join(parts)


def _rows(schema: Mapping[str, Any], path: str, key: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each key below a section."""
    for section, place in _sections(schema, key):
        required = section.get("required", [])
        for name, below in section["properties"].items():
            at = f"{path}{place}.{name}"
            inner = list(_rows(schema, at, below))
            default = "required" if name in required else _default(below)
            yield f"`{at}`", "a section" if inner else _values(schema, below), default, below.get("description", "")
            yield from inner


def _sections(schema: Mapping[str, Any], key: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for option in (key, *key.get("anyOf", [])):
        if "$ref" in option:
            yield schema["$defs"][option["$ref"].rpartition("/")[2]], ""
        more = option.get("additionalProperties")
        if isinstance(more, dict) and "$ref" in more:
            yield schema["$defs"][more["$ref"].rpartition("/")[2]], ".METRIC"


def _default(key: Mapping[str, Any]) -> str:
    value = key.get("default")
    return "–" if value is None or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _values(schema: Mapping[str, Any], key: Mapping[str, Any]) -> str:
    """Return what a value may be, in words."""
    if "enum" in key:
        return ", ".join(f"`{v}`" for v in key["enum"])
    if "const" in key:
        return f"`{key['const']}`"
    if "anyOf" in key:
        options = (_values(schema, o) for o in key["anyOf"] if o.get("type") != "null")
        return " or ".join(dict.fromkeys(options))
    kind = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true`, `false`"}.get(
        key.get("type", ""), "anything"
    )
    if key.get("type") == "array":
        return f"list of {_values(schema, key['items'])}"
    if key.get("type") == "object":
        of = key.get("additionalProperties")
        return f"map to {_values(schema, of)}" if isinstance(of, dict) else "map"
    return kind + _limits(key)


def _limits(key: Mapping[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    found = [f"{word} {key[name]:,}" for name, word in words.items() if name in key and abs(key[name]) < 2**62]
    return "".join(f" {part}" for part in found)


def _thresholds() -> list[str]:
    return [
        _table(("`decide.threshold`", "threshold on validation rows"), [(f"`{rule}`", text) for rule, text in _RULES])
    ]


def _metrics() -> list[str]:
    return [f"METRIC is one of {', '.join(f'`{m}`' for m in METRICS)}.\n"]


def _samplers() -> list[str]:
    """Return a table of the samplers' parameters: each once, with the samplers that have it and their defaults."""
    names = [n for n in sampler_names() if n != "none"]
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name in names:
        sampler = sampler_class(name)()
        for p in sampler.params:
            if not hasattr(HasColumns, p.name) and p.name not in _OBJECTS:
                default = IN_PIPELINES.get(p.name) or (sampler.getOrDefault(p) if sampler.isDefined(p) else None)
                found.setdefault((p.name, p.doc), {}).setdefault(_shown(default), []).append(name)
    rows = [
        (f"`{parameter}`", _of(samplers, len(names)), default, text[:1].upper() + text[1:] + ".")
        for (parameter, text), of in sorted(found.items())
        for default, samplers in of.items()
    ]
    return [_table(("parameter", "samplers", "default", "meaning"), rows)]


def _of(samplers: list[str], every: int) -> str:
    return "all" if len(samplers) == every else ", ".join(f"`{s}`" for s in samplers)


def _shown(value: Any) -> str:
    return "–" if value is None else f"`{json.dumps(value)}`"


def _trainers() -> list[str]:
    parts = []
    for trainer, known in trainer_parameters().items():
        rows = [
            (f"`{name}`", str(of), "the library's" if of.default is None else _shown(of.default))
            for name, of in known.items()
        ]
        parts += [f"`train.params` of `{trainer}`:\n", _table(("parameter", "values", "default"), rows)]
    return parts


_MORE = {"decide": _thresholds, "gate": _metrics, "resample": _samplers, "train": _trainers}


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"

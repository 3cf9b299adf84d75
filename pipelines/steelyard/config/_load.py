"""Read a configuration from a YAML file, a URI, JSON text or a mapping, and check it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steelyard.config._faults import explain
from steelyard.config._pipeline import PipelineConfig
from steelyard.config._secrets import refuse_secrets
from steelyard.config._yaml import LONGEST, parse_yaml
from steelyard.errors import ConfigError, closest

_VARIABLE = re.compile(r"\$\{(?!env:)([A-Za-z_][A-Za-z0-9_]*)\}")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_PATH = re.compile(r"[\w.-]*")
_ALWAYS_GIVEN = {"date"}  # by every DAG, whether the pipeline uses it or not


def load(
    source: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> PipelineConfig:
    """Read and check a pipeline.

    Parameters
    ----------
    source : str, Path or mapping
        A path, a URI that `pyarrow.fs` reads, JSON (or YAML flow) text that starts with `{`, or the sections
        themselves.
    overrides : sequence of str
        Each `a.b=value`, with the value in YAML. Their relative paths start at the current directory; those in the
        file start at the file's folder.
    variables : mapping of str to str, optional
        Values of `${NAME}`. `${env:NAME}` stays a placeholder, see `resolve_env`; so does all in the section `score`,
        see `ScoreConfig.on`.

    Raises
    ------
    ConfigError
        For unreadable YAML, unknown keys, wrong types, impossible combinations, unknown variables. The message
        names the path in the YAML and the line.

    Examples
    --------
    >>> load('{version: 1, name: p, data: {path: /t, label: y}}').split.test
    0.2
    """
    document, place = _document(source)
    for override in overrides:
        _override(document, override)
    _absolute(document, str(Path.cwd()))
    given, used = dict(variables or {}), set[str]()
    filled = _substitute(document, given, used, ())
    _check_variables(given, used)
    try:
        return PipelineConfig.model_validate(filled)
    except ValidationError as error:
        raise ConfigError(explain(error, PipelineConfig, document, place)) from None


def _document(source: str | Path | Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the sections of a pipeline with absolute paths, and the file that they come from, if any."""
    if isinstance(source, Mapping):
        return deepcopy(dict(source)), None
    text, folder = read_document(source)
    place = str(source) if folder is not None else None
    document = parse_yaml(text, place or "the pipeline")
    if not isinstance(document, dict):
        raise ConfigError(f"{place or 'the pipeline'}: a pipeline is a mapping with the keys version, name, data, …")
    _absolute(document, folder)
    return document, place


def read_document(source: str | Path) -> tuple[str, str | None]:
    """Return a pipeline's text, and the folder of its relative paths (None for JSON text)."""
    place = str(source)
    if place.lstrip().startswith("{"):
        return place, None
    if "://" in place:
        from pyarrow import fs as pafs

        try:
            filesystem, path = pafs.FileSystem.from_uri(re.sub(r"^s3[an]://", "s3://", place))
            with filesystem.open_input_stream(path) as stream:
                return bytes(stream.read(4 * LONGEST)).decode(), place.rsplit("/", 1)[0]
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read the pipeline {place}: {error}") from None
    try:
        with Path(place).open(encoding="utf-8") as file:
            return file.read(LONGEST + 1), str(Path(place).absolute().parent)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the pipeline {place}: {getattr(error, 'strerror', None) or error}") from None


def _absolute(document: dict[str, Any], folder: str | None) -> None:
    """Make relative paths of data, transfer, suites, a reference, and new rows and their scores absolute."""
    if folder is None:
        return
    data, guards, score = (document.get(section) for section in ("data", "guards", "score"))
    train = document.get("train")
    transfer = train.get("transfer") if isinstance(train, dict) else None
    if isinstance(transfer, dict) and "source" in transfer:
        transfer["source"] = _joined(folder, transfer["source"])
    if isinstance(data, dict) and "path" in data:
        paths = data["path"]
        data["path"] = [_joined(folder, p) for p in paths] if isinstance(paths, list) else _joined(folder, paths)
    if isinstance(guards, dict):
        for checkpoint, suite in guards.items():
            if isinstance(suite, str) and ("/" in suite or checkpoint == "reference"):
                guards[checkpoint] = _joined(folder, suite)
    if isinstance(score, dict):
        for name in ("path", "out"):
            if name in score:
                score[name] = _joined(folder, score[name])


def _joined(folder: str, path: Any) -> Any:
    if not isinstance(path, str) or not path or "://" in path or path.startswith(("/", "${")):
        return path
    if "://" in folder:
        return f"{folder}/{path}"
    return os.path.normpath(os.path.join(folder, path))


def _override(document: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    shown = _PATH.match(override)[0]  # type: ignore[index]  # never the value, which may be a secret
    if not equals or not all(path.split(".")):
        raise ConfigError(f"--set {shown}… is not of the form a.b=value")
    *parents, last = path.split(".")
    place = document
    for name in parents:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise ConfigError(f"--set {shown}=…: {name} is a value, not a section")
    place[last] = parse_yaml(text, f"--set {shown}=…") if text else ""


def _plain(value: Any) -> Any:
    """Return a scalar as Python's own type; the YAML reader's subclasses also store the spelling."""
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    return _joined_pairs(str(value)) if isinstance(value, str) else value


def _joined_pairs(text: str) -> str:
    r"""Return a text with each pair of JSON escapes, such as ``\ud83e\uddc0``, as one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if _PAIR.search(text) else text


def _check_variables(variables: Mapping[str, str], used: set[str]) -> None:
    try:
        refuse_secrets("--var", variables)  # they are written to `run.json`
    except ValueError as error:
        raise ConfigError(str(error)) from None
    for name in sorted(set(variables) - used - _ALWAYS_GIVEN):
        known = f" It uses {', '.join(sorted(used))}." if used else ""
        raise ConfigError(f"--var {name}: the pipeline has no ${{{name}}}.{closest(name, used)}{known}")


def _substitute(value: Any, variables: Mapping[str, str], used: set[str], path: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return {_plain(k): _substitute(v, variables, used, (*path, str(k))) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_substitute(v, variables, used, path) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{'.'.join(path)}: must be a finite number, got {float(value)}")
    if not isinstance(value, str):
        return _plain(value)

    if path[0] == "score":  # replaced each time that new rows are scored, not when the model is trained
        return _plain(value)

    def known(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise ConfigError(
                f"{'.'.join(path)}: ${{{match[1]}}} has no value; give it with --var {match[1]}=…"
                + closest(match[1], variables)
            )
        used.add(match[1])
        return variables[match[1]]

    return _VARIABLE.sub(known, _plain(value))

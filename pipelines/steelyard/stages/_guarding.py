"""Common part of the four guard stages: run a suite, write its report and Data Docs, stop the run if it fails."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from steelyard.columns import col
from steelyard.errors import GuardError
from steelyard.frames.tables import write_parquet
from steelyard.guards import run_guard
from steelyard.stages._context import Context, Result

QUARANTINED = 10_000  # rows per expectation, at most


def guard(
    ctx: Context,
    attempt: str,
    checkpoint: str,
    df: DataFrame,
    parameters: Mapping[str, Any],
    key: Sequence[str] = (),
) -> Result:
    """Judge a table by the checkpoint's suite.

    Parameters
    ----------
    parameters : mapping
        Values from the run; `guards.parameters` of the configuration override them.
    key : sequence of str
        Columns that identify the rows that break an expectation.

    Raises
    ------
    GuardError
        If a critical expectation failed. The message lists the failed ones, with observed values and the Data Docs.
    """
    folder = f"guards/{attempt}"
    suite = getattr(ctx.config.guards, checkpoint)
    given = {**parameters, **ctx.config.guards.parameters}
    quarantine = partial(_write_rows, ctx, folder, key) if ctx.config.guards.quarantine else None
    with tempfile.TemporaryDirectory() as docs:
        report = run_guard(checkpoint, suite, df, given, docs_dir=docs, key=key, quarantine=quarantine)
        ctx.run.upload(Path(docs), f"{folder}/docs")
    if report.docs is not None:
        report = replace(report, docs=ctx.run.uri(f"{folder}/docs/index.html"))
    ctx.run.write_json(f"{folder}/{checkpoint}.json", report.to_json())
    failed = [r.message for r in report.failures()]
    written = [r.quarantine for r in report.failures() if r.quarantine]
    for place in written:
        ctx.warn(f"{checkpoint} guard: rows that break an expectation (at most {QUARANTINED:,}) are in {place}")
    details: dict[str, Any] = {"quarantine": written} if written else {}
    details |= {"report": f"{folder}/{checkpoint}.json", "docs": report.docs, "failed": failed}
    for warning in (r for r in report.failures() if r.severity != "critical"):
        ctx.warn(f"{checkpoint} guard: {warning.message}")
    try:
        report.raise_for_failures()
    except GuardError as error:
        error.details.update(details)
        raise
    return Result([folder], details={**details, "expectations": len(report.results)})


def _write_rows(ctx: Context, folder: str, key: Sequence[str], expectation: str, rows: DataFrame) -> str:
    """Write the first rows that break an expectation, and return the place."""
    place = f"{folder}/quarantine/{expectation}"
    ordered = rows.orderBy(*map(col, key)) if key else rows
    write_parquet(ordered.limit(QUARANTINED), ctx.run.uri(place))
    return place

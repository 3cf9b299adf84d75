"""Stage `guard_raw`: check that the table is of the kind that the pipeline expects."""

from __future__ import annotations

from typing import Any

from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._history import reference
from steelyard.stages._source import dataset, source


def run(ctx: Context, attempt: str) -> Result:
    """Judge the pinned input; the classes may be fixed by `guards.parameters.classes`."""
    data, before = dataset(ctx), reference(ctx)
    parameters: dict[str, Any] = {"label": data.label, "classes": list(data.classes)}
    if before is not None:
        parameters |= {"reference": dict(before.counts), "reference_name": before.name}
    return guard(ctx, attempt, "raw", source(ctx), parameters, data.key)

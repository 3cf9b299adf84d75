"""Stage `guard_raw`: is this the kind of table that the pipeline was made for?"""

from __future__ import annotations

from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._source import dataset, source


def run(ctx: Context, attempt: str) -> Result:
    """Judge the pinned input; the classes may be fixed by `guards.parameters.classes`."""
    data = dataset(ctx)
    return guard(ctx, attempt, "raw", source(ctx), {"label": data.label, "classes": list(data.classes)})

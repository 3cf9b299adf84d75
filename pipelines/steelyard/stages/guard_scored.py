"""Stage `guard_scored`: check that the scores can be used as probabilities."""

from __future__ import annotations

from steelyard.stages._context import Context, Result
from steelyard.stages._guarding import guard
from steelyard.stages._scores import published_scores
from steelyard.stages._source import dataset


def run(ctx: Context, attempt: str) -> Result:
    """Judge the published scores."""
    data = dataset(ctx)
    parameters = {"label": "label", "classes": list(data.classes), "positive": data.positive}
    return guard(ctx, attempt, "scored", published_scores(ctx), parameters, data.key)

"""Stage `gate`: compare metrics on the test split with the configured bounds. A run that passes is accepted."""

from __future__ import annotations

from steelyard.errors import GuardError
from steelyard.metrics import judge_gate
from steelyard.stages._context import Context, Result
from steelyard.stages._history import accept
from steelyard.stages._order import stages_of


def run(ctx: Context, attempt: str) -> Result:
    """Judge the metrics of the test split, and keep the profile of a run that passes. All before must be done."""
    stages = stages_of(ctx.config)
    for stage in stages[: stages.index("gate")]:
        ctx.published(stage)
    metrics = ctx.published("evaluate").read_json("metrics.json")
    bounds = {name: bound.model_dump(exclude_none=True) for name, bound in ctx.config.gate.items()}
    verdicts = judge_gate(metrics, bounds)
    details = {"passed": all(v["passed"] for v in verdicts), "verdicts": verdicts}
    failed = [v["message"] for v in verdicts if not v["passed"]]
    if failed:
        raise GuardError("the gate failed: " + "; ".join(failed), details)
    return Result(details={**details, "accepted": accept(ctx)})

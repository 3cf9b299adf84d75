"""Stage `gate`: compare metrics on the test split with the configured bounds. A run that passes is accepted."""

from __future__ import annotations

from steelyard.errors import GuardError
from steelyard.metrics import judge_gate
from steelyard.stages._context import Context, Result
from steelyard.stages._history import accept
from steelyard.stages._order import stages_of
from steelyard.store.promotions import promoted, standing


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
        raise GuardError("the gate failed: " + "; ".join(failed) + _instead(ctx), details)
    return Result(details={**details, "accepted": accept(ctx)})


def _instead(ctx: Context) -> str:
    """Return which run is current instead of a promoted one whose gate fails now, in words."""
    place = ctx.run.parent()
    now = standing(place) if promoted(place) == ctx.run_id else ctx.run_id
    if now == ctx.run_id:
        return ""
    return f". Run {ctx.run_id} was promoted; now {'no run' if now is None else f'run {now}'} is current"

"""Stage `resample`: plan which training rows are kept and repeated, and write the new ones."""

from __future__ import annotations

from typing import Any

from steelyard.config import AUTO
from steelyard.frames.tables import write_parquet
from steelyard.sampling import sampler_for
from steelyard.stages._context import Context, Result
from steelyard.stages._resampling import wanted_sampler
from steelyard.stages._source import dataset, rows_of


def run(ctx: Context, attempt: str) -> Result:
    """Write `plan.json`, and `synthetic/`, `dropped/`, `kept/` where the sampler makes, drops, keeps single rows."""
    folder = f"resample/{attempt}"
    wanted = wanted_sampler(ctx)
    counts = ctx.read("split", "plan.json")["counts"]["train"]
    made = sampler_for(dataset(ctx), wanted.method, wanted.params).knowing(counts).resample(rows_of(ctx, "train"))
    ctx.run.write_json(f"{folder}/plan.json", made.plan.to_json())
    for name, table in (("synthetic", made.synthetic), ("dropped", made.dropped), ("kept", made.kept)):
        if table is not None:
            write_parquet(table, ctx.run.uri(f"{folder}/{name}"))
    before = {c: of.before for c, of in made.plan.classes.items()}
    after = {c: of.after for c, of in made.plan.classes.items()}
    details: dict[str, Any] = {"sampler": made.plan.sampler, "effect": made.plan.effect}
    if ctx.config.resample.method == AUTO:
        params = ", ".join(f"{name} = {value}" for name, value in wanted.params.items())
        details["messages"] = [f"auto: {wanted.method}" + (f" ({params})" if params else "")]
    messages = made.plan.details.get("messages")
    if messages:
        details["messages"] = [*details.get("messages", []), *messages]
    return Result([folder], {"in": before, "out": after}, details)

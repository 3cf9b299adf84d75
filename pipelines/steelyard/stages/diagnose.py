"""Stage `diagnose`: measure the difficulty of the rarest class on training rows, and recommend a resampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.diagnosis import diagnose
from steelyard.kernels.minority import TYPES
from steelyard.learning import takes_offsets, trainer_class
from steelyard.stages._context import Context, Result
from steelyard.stages._source import dataset, rows_of


def run(ctx: Context, attempt: str) -> Result:
    """Write `difficulty.json`."""
    folder = f"diagnose/{attempt}"
    counts = ctx.read("split", "plan.json")["counts"]["train"]
    model = ctx.config.train.trainer
    weak = model if trainer_class(model).gains_from_balance else None
    rows, data = rows_of(ctx, "train"), dataset(ctx)
    found = diagnose(rows, data, counts, weak_learner=weak, takes_offsets=takes_offsets(model))
    ctx.run.write_json(f"{folder}/difficulty.json", found)
    advice = found["recommendation"]
    for warning in advice["warnings"]:
        ctx.warn(warning)
    details = {"recommended": advice["method"], "messages": [_types(found), f"Recommended: {advice['summary']}"]}
    return Result([folder], {"in": counts}, details)


def _types(found: Mapping[str, Any]) -> str:
    types = found["types"]
    of = "rows" if types["sampled"] == types["rows"] else f"{types['sampled']:,} sampled rows"
    return f"class {found['class']}, {of}: " + ", ".join(f"{types[t]['share']:.0%} {t}" for t in TYPES)

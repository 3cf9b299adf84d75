"""The stage `diagnose`, and what `resample: auto` makes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from small_pipelines import pipeline

from steelyard.errors import InputError
from steelyard.stages import Context, run_pipeline, run_stage


def test_auto_takes_what_the_diagnosis_recommends(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table, resample={"method": "auto"}))
    with pytest.raises(InputError, match="stage diagnose has not run"):
        for stage in ("profile", "split", "resample"):
            run_stage(ctx, stage)
    outcomes = run_pipeline(ctx)
    difficulty, plan = ctx.read("diagnose", "difficulty.json"), ctx.read("resample", "plan.json")
    assert difficulty["class"] == "1" and outcomes["diagnose"].rows["in"] == {"0": 594, "1": 66}
    assert difficulty["recommendation"]["method"] == plan["sampler"] == outcomes["resample"].details["sampler"]
    assert outcomes["resample"].details["said"][0].startswith(f"auto: {plan['sampler']}")
    said = difficulty["recommendation"]["summary"]
    assert said in outcomes["diagnose"].details["said"][1]

"""A run with guided under-sampling: its artifacts, and scores that need no calibration."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path

from small_pipelines import pipeline, small_table

from steelyard.stages._model import trained_model
from steelyard.store import RunDir


def test_a_run_with_guided_sampling(execute: Callable[..., RunDir], tmp_path: Path) -> None:
    small_table(4000).to_parquet(tmp_path / "t.parquet")
    run = execute(
        pipeline(
            str(tmp_path / "t.parquet"),
            resample={"method": "guided_under_sampler", "sampling_strategy": 0.5, "min_rows": 700},
            train={"model": "xgboost", "params": {"max_depth": 3, "n_estimators": 60}},
            decide={"calibrate": "none"},
        )
    )
    outcome = run.outcome("resample")
    assert outcome is not None
    plan = run.read_json(f"resample/{outcome.attempt}/plan.json")
    assert {c: of["after"] for c, of in plan["classes"].items()} == {"0": 480, "1": 220}
    assert any("/kept/" in file["path"] for file in outcome.files)
    assert trained_model(run).distortion.kind == "none"
    test = run.read_json("metrics.json")["splits"]["test"]
    assert test["per_class"]["1"]["pr_auc"]["value"] > 0.4
    assert test["log_loss"]["value"] < 0.3
    raised = "480 rows of class '0' are kept, and not 440: min_rows is 700"
    assert raised in outcome.details["messages"] and raised in unescape(run.read_text("report.html"))

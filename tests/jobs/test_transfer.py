"""Transfer: source rows by their weights, the gain against no transfer, and a booster that is continued."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline, small_table

from steelyard.errors import InputError
from steelyard.stages._model import trained_model
from steelyard.stages.commands.check import check_paths
from steelyard.store import RunDir

_TARGET = 1500
_ADDED = 1200


def _source(path: Path, target: pd.DataFrame, shift: float) -> str:
    """Write the target's rows and more; features of added positives are moved by `shift`."""
    more = small_table(_ADDED, seed=8).assign(id=lambda t: t["id"] + 1_000_000)
    more[["a", "b"]] += np.where(more["y"] == 1, shift, 0.0)[:, None]
    rows = pd.concat([target, more]).drop(columns=["customer", "t"])
    rows.assign(region="south", site=7.5).to_parquet(path, index=False)
    return str(path)


def test_sources_help_and_harm(execute: Callable[..., RunDir], spark: SparkSession, tmp_path: Path) -> None:
    target = small_table(_TARGET, seed=5)
    # Columns that tell the domains apart do not spoil the weights.
    here = target.assign(region="north", site=np.arange(_TARGET) % 5)
    here.to_parquet(tmp_path / "t.parquet", coerce_timestamps="us", index=False)

    def asked(transfer: dict[str, Any], **sections: Any) -> Any:
        train = {"model": "xgboost", "params": {"n_estimators": 30, "max_depth": 3}, "transfer": transfer}
        return pipeline(str(tmp_path / "t.parquet"), train=train, **sections)

    good = _source(tmp_path / "good.parquet", target, 0.0)
    bad = _source(tmp_path / "bad.parquet", target.head(0), -6.0)
    run = execute(asked({"source": good, "method": "importance_weighting"}))
    metrics, counts = run.read_json("metrics.json"), _counts(run)
    found = metrics["transfer"]
    held = sum(sum(counts[name].values()) for name in ("validation", "test"))
    assert (found["dropped"], found["rows"]) == (held, _TARGET + _ADDED - held)
    assert found["classes"]["1"]["rows"] == counts["train"]["1"] + _ADDED // 10
    for of in found["classes"].values():
        assert of["effective_rows"] <= of["rows"] and 0.3 < of["weight"] / of["rows"] < 3
        assert 0.4 < of["domain_auc"] < 0.65
    assert 0 < found["share"] < 1 and found["left_out"] == ["region", "site"]
    assert metrics["baseline"]["recipe"] == "no_transfer"
    assert set(metrics["baseline"]["gain"]) >= {"pr_auc", "log_loss"}
    assert "against the same recipe without transfer" in unescape(run.read_text("report.html"))

    spark.read.parquet(bad).createOrReplaceTempView("elsewhere")
    harmful = execute(asked({"table": "elsewhere", "method": "importance_weighting"}), resume=True).read_json(
        "metrics.json"
    )
    classes = harmful["transfer"]["classes"]
    # Positives of the source lie where the target has none.
    assert classes["1"]["rows"] == _ADDED // 10 and harmful["transfer"]["dropped"] == 0
    assert classes["1"]["weight"] < 0.15 * classes["1"]["rows"]
    assert classes["1"]["domain_auc"] > 0.9

    with pytest.raises(InputError, match=r"train\.transfer: start is a model of xgboost; neural_network continues its"):
        tuning = {"model": "neural_network", "transfer": {"source": run.location, "method": "fine_tune"}}
        check_paths(pipeline(good, train=tuning))
    start = {"source": run.location, "method": "warm_start"}
    continued = execute(asked(start), run_id="r2").read_json("metrics.json")
    assert continued["transfer"]["method"] == "warm_start" and continued["transfer"]["verdict"]
    with pytest.raises(InputError, match="was trained on .* rows whose key is in validation or test"):
        execute(asked(start, split={"method": "stratified", "seed": 77}), run_id="r3")
    with pytest.raises(InputError, match=r"train.transfer: features differ.*the table lacks \['b'\]"):
        execute(asked(start, data={"exclude": ["customer", "t", "b"]}), run_id="r4")


def test_a_network_is_fine_tuned(execute: Callable[..., RunDir], tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    target, source = small_table(_TARGET, seed=5), small_table(_ADDED, seed=8).assign(id=lambda t: t["id"] + 1_000_000)
    for name, table in (("t", target), ("s", source)):
        table.to_parquet(tmp_path / f"{name}.parquet", coerce_timestamps="us", index=False)

    def asked(table: str, **more: Any) -> Any:
        params = {"width": 8, "blocks": 1, "epochs": 5, "batch_size": 128, "learning_rate": 0.01}
        return pipeline(str(tmp_path / table), train={"model": "neural_network", "params": params, **more})

    first = execute(asked("s.parquet"))
    how = {"source": first.location, "method": "fine_tune", "learning_rate_factor": 0.2}
    second = execute(asked("t.parquet", transfer=how), run_id="r2")
    found = second.read_json("metrics.json")["transfer"]
    assert found["method"] == "fine_tune" and found["verdict"] in ("gains", "no gain shown")
    assert found["learning_rate"] == pytest.approx(0.002)
    before, after = trained_model(first), trained_model(second)
    assert after.settings["params"] == {**before.settings["params"], "learning_rate": found["learning_rate"]}
    assert after.preprocessing == before.preprocessing and after.distortion.kind == "unknown"


def _counts(run: RunDir) -> Any:
    split = run.outcome("split")
    assert split is not None
    return run.read_json(f"split/{split.attempt}/plan.json")["counts"]

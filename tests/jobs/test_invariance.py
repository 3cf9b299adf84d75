"""The same rows, always: one answer from any layout of the input and any number of shuffle partitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_pipelines import pipeline, small_table

from steelyard.config import PipelineConfig
from steelyard.store import RunDir

Run = Callable[..., RunDir]


def layouts(tmp_path: Path, frame: pd.DataFrame) -> list[str]:
    """Write the table as one file, as seven files in another order, and in the reverse order."""
    paths = [tmp_path / name for name in ("one", "seven", "reverse")]
    for path in paths:
        path.mkdir()
    frame.to_parquet(paths[0] / "a.parquet", index=False, coerce_timestamps="us")
    mixed = frame.sample(frac=1, random_state=3)
    for i, part in enumerate(np.array_split(np.arange(len(mixed)), 7)):
        mixed.iloc[part].to_parquet(paths[1] / f"{i}.parquet", index=False, coerce_timestamps="us")
    frame.iloc[::-1].to_parquet(paths[2] / "a.parquet", index=False, coerce_timestamps="us")
    return [str(p) for p in paths]


def artifacts(run: RunDir) -> dict[str, object]:
    """Return what must not depend on the layout."""

    def at(stage: str, folder: str) -> str:
        outcome = run.outcome(stage)
        assert outcome is not None
        return f"{folder}/{outcome.attempt}"

    def table(path: str) -> list[str]:
        rows = pd.read_parquet(f"{run.location}/{path}").to_dict("records")
        return sorted(map(repr, rows))

    found = {
        "split": run.read_json(f"{at('split', 'split')}/plan.json"),
        "resample": run.read_json(f"{at('resample', 'resample')}/plan.json"),
        "scores": table(at("evaluate", "scores")),
        "metrics": run.read_json("metrics.json")["splits"],
    }
    synthetic = f"{at('resample', 'resample')}/synthetic"
    return {**found, "synthetic": table(synthetic)} if run.exists(synthetic) else found


def check(evaluated: Run, shuffle: Callable[[int], None], configs: list[PipelineConfig], most: int) -> None:
    """Run each configuration in another number of partitions.

    Splits, SMOTE, XGBoost and metrics have tests in 200 partitions; here each of a hundred jobs would have 200 tasks.
    """
    results = []
    for config, partitions in zip(configs, (1, 7, most), strict=True):
        shuffle(partitions)
        results.append(artifacts(evaluated(config, f"p{partitions}")))
    for other in results[1:]:
        for name, value in results[0].items():
            assert other[name] == value, name


@pytest.mark.long
def test_smote_and_xgboost_with_equal_rows_and_no_key(
    evaluated: Run, shuffle: Callable[[int], None], tmp_path: Path
) -> None:
    frame = small_table(400)[["a", "b", "amount", "y"]].fillna(0.0).round(1)
    frame.loc[::10, "amount"] = 5.0
    frame = pd.concat([frame, frame.iloc[:120]])
    sections = {
        "resample": {"method": "smote", "sampling_strategy": 0.4, "k_neighbors": 3},
        "train": {"model": "xgboost", "params": {"n_estimators": 10, "max_depth": 3}},
        "data": {"key": [], "exclude": [], "cost": {"false_negative": "amount", "false_positive": 1.0}},
    }
    check(evaluated, shuffle, [pipeline(path, **sections) for path in layouts(tmp_path, frame)], most=3)


@pytest.mark.long
def test_temporal_split_and_groups(evaluated: Run, shuffle: Callable[[int], None], tmp_path: Path) -> None:
    sections = {
        "resample": {"method": "random_under_sampler", "sampling_strategy": 0.5},
        "train": {
            "model": "xgboost",
            "params": {"n_estimators": 10, "early_stopping_rounds": 3},
            "class_weight": "balanced",
        },
        "split": {"method": "temporal", "validation": 0.2, "test": 0.2, "gap": "5h"},
        "data": {"time": "t", "group": "customer", "exclude": []},
    }
    check(evaluated, shuffle, [pipeline(path, **sections) for path in layouts(tmp_path, small_table(500))], most=16)

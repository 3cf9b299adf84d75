"""A small table with everything in it, and a pipeline for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from steelyard.config import PipelineConfig, load
from steelyard.store import RunDir


def small_table(rows: int = 1200, seed: int = 0) -> pd.DataFrame:
    """A table with 10 % positives, a category, missing values, a key, a customer, a time and an amount."""
    rng = np.random.default_rng(seed)
    y = (np.arange(rows) % 10 == 0).astype(int)
    x = rng.normal(size=(rows, 2)) + 1.3 * y[:, None]
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "customer": rng.integers(0, 150, rows),
            "t": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.permutation(rows), unit="h"),
            "a": np.where(rng.random(rows) < 0.05, np.nan, x[:, 0]),
            "b": x[:, 1],
            "kind": rng.choice(["web", "shop", None], rows, p=[0.5, 0.4, 0.1]),
            "amount": rng.gamma(2.0, 30.0, rows),
            "y": y,
        }
    )


def pipeline(path: str, **sections: Any) -> PipelineConfig:
    """A configuration for the small table; `data` is merged, other sections are replaced.

    Fold models, for which validation has few enough positives, are fitted only where a test asks for them.
    """
    train = {"fold_models": "none", **sections.pop("train", {"model": "logistic_regression"})}
    data = {"path": path, "label": "y", "positive": 1, "key": "id", "exclude": ["customer", "t"]}
    document = {
        "version": 1,
        "name": "small",
        "data": {**data, **sections.pop("data", {})},
        "split": {"method": "stratified", "validation": 0.2, "test": 0.25, "seed": 3},
        "train": train,
        **sections,
    }
    return load(document)


def replace_document(run: RunDir, stage: str, path: str, document: Any) -> None:
    """Let a stage have written another document: for what must be noticed though the file is as it was published."""
    outcome = run.outcome(stage)
    assert outcome is not None
    run.write_json(path, document)
    run.publish(outcome, [f["path"] for f in outcome.files])

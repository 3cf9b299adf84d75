"""Tables whose features are called as steelyard calls its own columns, and the same tables under neutral names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from column_names import column_names

from steelyard.config import PipelineConfig, load
from steelyard.sampling import IS_SYNTHETIC

# Behind all features in the order of names, which decides the order in which the parts of a hash are taken.
KEY, LABEL = "🔑", "🏷"
# What SQL, Spark's parser of names, Spark's substitution of variables and HTML take for something else.
_ODD = ["${env:HOME}", "a.b", "tick`s", 'it\'s "so"', "<b>", " "]
_NAMES = sorted([name for name in column_names() if name != IS_SYNTHETIC] + _ODD)
_PARTS = 2
WIDTH = -(-len(_NAMES) // _PARTS)
NEUTRAL = [f"f{i:03d}" for i in range(WIDTH)]
HOSTILE = [
    sorted(names + [f"other {i}" for i in range(WIDTH - len(names))])
    for names in (_NAMES[part::_PARTS] for part in range(_PARTS))
]
"""All names of internal and output columns, in two lists of equal lengths, each in the order of names."""
TRAINERS: dict[str, dict[str, Any]] = {"xgboost": {"n_estimators": 3}, "logistic_regression": {"maxIter": 3}}


def numbers(names: list[str], rows: int = 90) -> pd.DataFrame:
    """Return numbers under some names, a key, and a label with a third of the rows in the rarer class."""
    rng = np.random.default_rng(0)
    rare = np.arange(rows) % 3 == 0
    values = np.round(rng.normal(size=(rows, len(names))) + 0.5 * rare[:, None], 3)
    ends = {KEY: np.arange(rows), LABEL: np.where(rare, "b", "a")}
    return pd.DataFrame(values, columns=names).assign(**ends)


def categories(names: list[str], every: int) -> pd.DataFrame:
    """Return the same table with categories in place of some of the numbers."""
    frame = numbers(names)
    changed: dict[str, Any] = {name: np.where(frame[name] > 0.3, "u", "v") for name in names[::every]}
    return frame.assign(**changed)


def named_pipeline(path: Path, **sections: Any) -> PipelineConfig:
    """Return a pipeline for such a table; `data` is merged, other sections are replaced."""
    data = {"path": str(path), "label": LABEL, "positive": "b", "key": KEY, **sections.pop("data", {})}
    document = {
        "version": 1,
        "name": "names",
        "data": data,
        "split": {"validation": 0.2, "test": 0.2},
        "resample": {"method": "random_over_sampler"},
        "train": {"model": "xgboost", "params": TRAINERS["xgboost"]},
        **sections,
    }
    return load(json.dumps(document))

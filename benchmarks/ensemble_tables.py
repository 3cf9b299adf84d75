"""Tables of the comparison of ensembles, and their division. Needs pandas and scikit-learn only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.model_selection import train_test_split

TABLES = {
    "mammography": ("label", "1"),
    "wilt": ("Class", "2"),
    "creditcard_ulb_sample": ("Class", "1"),
    "ai4i2020": ("Machine_failure", "1"),
    "thyroid_ann": ("label", "A"),
}
LEAKS = {"ai4i2020": ["TWF", "HDF", "PWF", "OSF", "RNF", "UDI", "Product_ID"]}


def read(folder: Path, name: str) -> tuple[pd.DataFrame, Any]:
    """Return numeric features without gaps, and labels, of a table."""
    label, positive = TABLES[name]
    frame = pd.read_parquet(folder / f"{name}.parquet").drop(columns=LEAKS.get(name, []), errors="ignore")
    y = (frame.pop(label).astype(str) == positive).to_numpy().astype(int)
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].apply(lambda c: c.astype("category").cat.codes)
    frame = frame.fillna(frame.median()).astype(float)
    frame.columns = [f"x{i}" for i in range(frame.shape[1])]
    return frame, y


def divided(x: pd.DataFrame, y: Any, seed: int) -> Any:
    """Return training and test rows, and their labels."""
    return train_test_split(x, y, test_size=0.4, stratify=y, random_state=seed)

"""What a table's types, classes and missing values forbid later stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame

from steelyard.config import AUTO, PipelineConfig
from steelyard.dataset import Dataset
from steelyard.metrics import check_gate
from steelyard.sampling import sampler_for
from steelyard.sampling.base import Sampler
from steelyard.weighting import class_weights


def check_profile(config: PipelineConfig, df: DataFrame, found: Dataset, statistics: Mapping[str, Any]) -> None:
    """Raise `InputError` for what a table's types, classes and missing values forbid later stages; `found` of it all.

    Missing values are those of all rows, though a sampler sees training rows alone: whether a run goes through must
    not depend on the split.
    """
    check_gate(config.gate, classes=len(statistics["classes"]))
    class_weights({c: of["count"] for c, of in statistics["classes"].items()}, config.train.class_weight)
    sampler = _sampler(config, found)
    if sampler is not None:
        sampler.check_columns(df)
        missing = {f: of["by_class"] for f, of in statistics["features"].items()}
        sampler.check_missing({f: sum(c.get("missing") or 0 for c in of.values()) for f, of in missing.items()})


def check_split(config: PipelineConfig, found: Dataset, training: Mapping[str, int]) -> None:
    """Raise `InputError` if a sampler cannot do what is requested with the training rows of each class."""
    sampler = _sampler(config, found)
    if sampler is not None:
        sampler.check_counts({c: n for c, n in training.items() if n})


def _sampler(config: PipelineConfig, found: Dataset) -> Sampler | None:
    wanted = config.resample
    return None if wanted.method == AUTO else sampler_for(found, wanted.method, wanted.params)

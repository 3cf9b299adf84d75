"""The weights of rows by a domain classifier, inside a Spark task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from steelyard.kernels.importance import density_ratio
from steelyard.learning.held_out import predict


def weigh(batches: Iterator[pd.DataFrame], *, clip: float, **models: Any) -> Iterator[pd.Series]:
    """Yield the clipped odds that a row is of the target, by the model of its fold; `models` are those of `predict`."""
    for probability in predict(batches, **models):
        yield pd.Series(density_ratio(probability.to_numpy(), clip))

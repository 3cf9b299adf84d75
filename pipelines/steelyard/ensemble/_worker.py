"""The work of tasks that apply an ensemble."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from steelyard.frames.workers import one_thread
from steelyard.learning.local import predictors


def predict(
    batches: Iterator[pd.DataFrame], *, estimator: str, params: str, members: tuple[bytes, ...], two: bool
) -> Iterator[pd.Series]:
    """Yield the mean of the members' probabilities.

    Parameters
    ----------
    batches : iterator of DataFrame
        Features as floats.
    estimator, params : str
        Of the `LocalLearner`; `params` as JSON.
    members : tuple of bytes
    two : bool
        Whether there are two classes: then the probability of the second is a number, else an array of all.
    """
    known = predictors(estimator, params, members)
    with one_thread():
        for batch in batches:
            rows = np.ascontiguousarray(batch.to_numpy(dtype=np.float32))
            if not len(rows):
                yield pd.Series([], dtype=float if two else object)
                continue
            total = known[0](rows)
            for member in known[1:]:
                total = total + member(rows)
            mean = total / len(known)
            yield pd.Series(mean[:, 1] if two else list(mean))

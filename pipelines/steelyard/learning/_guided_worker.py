"""The work of the tasks that score rows with the pilot of guided sampling."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from steelyard.frames.workers import one_thread
from steelyard.learning.local import LocalLearner, predictors

LEARNER = LocalLearner("xgboost", {"n_estimators": 50, "max_depth": 4, "learning_rate": 0.1})


def score(batches: Iterator[pd.DataFrame], *, model: bytes) -> Iterator[pd.Series]:
    """Yield the pilot's probability of the rarer class for each row."""
    [predict] = predictors(LEARNER.estimator, json.dumps(dict(LEARNER.params)), (model,))
    with one_thread():
        for batch in batches:
            rows = np.ascontiguousarray(batch.to_numpy(dtype=np.float32))
            yield pd.Series(predict(rows)[:, 1] if len(rows) else [], dtype=float)

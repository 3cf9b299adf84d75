"""Models that one task trains have the same bytes in every process. No JVM."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np

from steelyard.learning import LocalLearner

TREE = {"estimator": "decision_tree", "params": {"max_depth": 2}}
LEARNERS: list[tuple[str, dict[str, Any]]] = [
    ("xgboost", {"n_estimators": 5}),
    ("decision_tree", {"max_depth": 3}),
    ("sklearn.ensemble.AdaBoostClassifier", {"n_estimators": 4, "estimator": TREE}),
    ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 4}),
    ("sklearn.linear_model.LogisticRegression", {"C": 0.5}),
]


def digests() -> list[str]:
    """Return a digest of each learner's model."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=300) / 2 > 0).astype(int)
    return [hashlib.sha256(LocalLearner(*of).fit(x, y, seed=3)).hexdigest() for of in LEARNERS]


def test_another_process_makes_the_same_bytes() -> None:
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, __file__], env={**os.environ, **path}, capture_output=True, check=True)
    assert done.stdout.decode().split() == digests()


if __name__ == "__main__":
    print(*digests())  # noqa: T201  to the test above

"""Trees as arrays: read from Spark's text, summed in NumPy, stored."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.kernels.trees import Trees, read_trees

FIRST = """GBTClassificationModel: uid = GBTClassifier_1, numTrees=2, numClasses=2, numFeatures=3
  Tree 0 (weight 1.0):
    If (feature 2 <= 58.849999999999994)
     If (feature 0 <= -1.0E-5)
      Predict: -0.9697447210841474
     Else (feature 0 > -1.0E-5)
      Predict: -0.25
    Else (feature 2 > 58.849999999999994)
     Predict: 0.75
  Tree 1 (weight 0.1):
    Predict: 3.0
"""
SECOND = """RandomForestRegressionModel: uid=rfr_1, numTrees=1, numFeatures=3
  Tree 0 (weight 1.0):
    If (feature 1 <= 0.5)
     Predict: 0.0
    Else (feature 1 > 0.5)
     Predict: 1.0
"""


def walked(x: np.ndarray) -> tuple[float, float]:
    """What the texts say, row by row."""
    one = 0.75 if x[2] > 58.849999999999994 else (-0.9697447210841474 if x[0] <= -1e-5 else -0.25)
    return one + 0.1 * 3.0, float(x[1] > 0.5)


def test_sums_are_those_of_the_text_row_by_row() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=500) * 1e-5, rng.choice([0.5, 0.50001], 500), rng.normal(58.85, 1, 500)])
    rows[:3, 2] = 58.849999999999994, np.nextafter(58.849999999999994, 99), 58.85
    trees = read_trees([FIRST, SECOND])
    found = trees.sums(rows)
    assert trees.outputs == 2 and found.shape == (500, 2)
    assert found.tolist() == [list(walked(x)) for x in rows]
    assert np.array_equal(trees.sums(rows[17:18])[0], found[17]) and trees.sums(rows[:0]).shape == (0, 2)


def test_stored_trees_are_the_same_bytes_and_arrays() -> None:
    trees = read_trees([FIRST, SECOND])
    again = Trees.from_bytes(trees.to_bytes())
    assert trees.to_bytes() == again.to_bytes() == read_trees([FIRST, SECOND]).to_bytes()
    for name, array in vars(trees).items():
        assert np.array_equal(vars(again)[name], array) and vars(again)[name].dtype == array.dtype


def test_a_line_that_is_no_numeric_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"If \(feature 1 in \{0\.0\}\)"):
        read_trees([SECOND.replace("<= 0.5", "in {0.0}")])

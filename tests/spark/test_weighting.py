"""Class weights, as numbers and as a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from steelyard.errors import InputError
from steelyard.weighting import class_weights, weight_column

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COUNTS = {"0": 70, "1": 20, "2": 10}


def test_balanced_is_what_scikit_learn_means() -> None:
    y = np.repeat([0, 1, 2], list(COUNTS.values()))
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 2]), y=y)
    assert list(class_weights(COUNTS, "balanced").values()) == pytest.approx(expected.tolist(), rel=1e-15)


def test_maps_name_classes_in_any_form() -> None:
    assert class_weights(COUNTS, {1.0: 5, "2": 0.5}) == {"0": 1.0, "1": 5.0, "2": 0.5}
    assert class_weights({"true": 1, "false": 9}, {True: 5}) == {"true": 5.0, "false": 1.0}
    assert class_weights(COUNTS, "none") == {"0": 1.0, "1": 1.0, "2": 1.0}


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("balance", ["must be", "'balance'", "instead"]),
        ({"3": 1.0}, ["'3'", "not in the table"]),
        ({"1": 0}, ["'1'", "positive", "0"]),
        ({"1": float("inf")}, ["positive", "inf"]),
        ({"1": True}, ["positive", "True"]),
    ],
)
def test_what_makes_no_sense_is_refused(setting: Any, parts: list[str]) -> None:
    with pytest.raises(InputError) as failure:
        class_weights(COUNTS, setting)
    assert all(part in str(failure.value) for part in parts)


def test_a_row_weighs_what_its_class_does_times_its_own_weight(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1.0, 2.0), (0.0, 3.0), (7.0, 1.0)], "label double, w double")
    plain, own = (
        weight_column(df, "label", {"0": 0.5, "1": 4.0}),
        weight_column(df, "label", {"0": 0.5, "1": 4.0}, existing="w"),
    )
    assert [tuple(r) for r in df.select(plain, own).collect()] == [(4.0, 8.0), (0.5, 1.5), (None, None)]

"""Expectations on imbalanced data, for any project of Great Expectations on Spark.

Importing this module registers them, so that suites stored as JSON can name them.

Examples
--------
>>> import great_expectations as gx
>>> from steelyard.guards.expectations import ExpectMinorityShareToBeBetween
>>> share = ExpectMinorityShareToBeBetween(column="is_fraud", min_value=0.001)
>>> suite = gx.ExpectationSuite("transactions", expectations=[share])
"""

from steelyard.guards.expectations._base import JudgedExpectation, LabelExpectation
from steelyard.guards.expectations._labels import (
    ExpectClassCountsToBeBetween,
    ExpectClassCountsToEqual,
    ExpectLabelsToMatchClasses,
    ExpectMinorityShareToBeBetween,
    ExpectNoNullLabels,
)
from steelyard.guards.expectations._rows import (
    ExpectScoresToBeProbabilities,
    ExpectSyntheticRowsOnlyInSplit,
    ExpectSyntheticRowsWithinClassBounds,
)
from steelyard.guards.expectations._splits import (
    ExpectEveryRowInASplit,
    ExpectKeysToStayInOneSplit,
    ExpectSplitSharesToBeNear,
    ExpectSplitsInTimeOrder,
    ExpectSplitsToBeStratified,
)

__all__ = [
    "ExpectClassCountsToBeBetween",
    "ExpectClassCountsToEqual",
    "ExpectEveryRowInASplit",
    "ExpectKeysToStayInOneSplit",
    "ExpectLabelsToMatchClasses",
    "ExpectMinorityShareToBeBetween",
    "ExpectNoNullLabels",
    "ExpectScoresToBeProbabilities",
    "ExpectSplitSharesToBeNear",
    "ExpectSplitsInTimeOrder",
    "ExpectSplitsToBeStratified",
    "ExpectSyntheticRowsOnlyInSplit",
    "ExpectSyntheticRowsWithinClassBounds",
    "JudgedExpectation",
    "LabelExpectation",
]

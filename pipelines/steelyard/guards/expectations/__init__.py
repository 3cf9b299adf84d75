"""Expectations on imbalanced data, for any project of Great Expectations on Spark.

Importing this module registers them, so that suites stored as JSON can name them.

Examples
--------
>>> import great_expectations as gx
>>> from steelyard.guards.expectations import ExpectMinorityShareToBeBetween
>>> share = ExpectMinorityShareToBeBetween(column="is_fraud", min_value=0.001)
>>> suite = gx.ExpectationSuite("transactions", expectations=[share])
"""

from steelyard.guards.expectations._across_splits import (
    ExpectKeysToStayInOneSplit,
    ExpectNoNearDuplicatesAcrossSplits,
)
from steelyard.guards.expectations._base import JudgedExpectation, LabelExpectation
from steelyard.guards.expectations._drift import ExpectLabelDistributionToMatch
from steelyard.guards.expectations._labels import (
    ExpectClassCountsToBeBetween,
    ExpectClassCountsToEqual,
    ExpectImbalanceRatioToBeBetween,
    ExpectLabelsToMatchClasses,
    ExpectMinorityShareToBeBetween,
    ExpectNoNullLabels,
)
from steelyard.guards.expectations._leaks import ExpectNoFeatureToGiveTheLabelAway
from steelyard.guards.expectations._scores import (
    ExpectPredictedPrevalenceToBeNear,
    ExpectScoresToBeProbabilities,
)
from steelyard.guards.expectations._splits import (
    ExpectEveryRowInASplit,
    ExpectSplitSharesToBeNear,
    ExpectSplitsInTimeOrder,
    ExpectSplitsToBeStratified,
)
from steelyard.guards.expectations._synthetic import (
    ExpectFewSyntheticDuplicates,
    ExpectSyntheticRowsOnlyInSplit,
    ExpectSyntheticRowsToKeepCategories,
)
from steelyard.guards.expectations._synthetic_values import (
    ExpectSyntheticRowsToKeepWholeNumbers,
    ExpectSyntheticRowsWithinClassBounds,
    ExpectSyntheticRowsWithinDomain,
)

__all__ = [
    "ExpectClassCountsToBeBetween",
    "ExpectClassCountsToEqual",
    "ExpectEveryRowInASplit",
    "ExpectFewSyntheticDuplicates",
    "ExpectImbalanceRatioToBeBetween",
    "ExpectKeysToStayInOneSplit",
    "ExpectLabelDistributionToMatch",
    "ExpectLabelsToMatchClasses",
    "ExpectMinorityShareToBeBetween",
    "ExpectNoFeatureToGiveTheLabelAway",
    "ExpectNoNearDuplicatesAcrossSplits",
    "ExpectNoNullLabels",
    "ExpectPredictedPrevalenceToBeNear",
    "ExpectScoresToBeProbabilities",
    "ExpectSplitSharesToBeNear",
    "ExpectSplitsInTimeOrder",
    "ExpectSplitsToBeStratified",
    "ExpectSyntheticRowsOnlyInSplit",
    "ExpectSyntheticRowsToKeepCategories",
    "ExpectSyntheticRowsToKeepWholeNumbers",
    "ExpectSyntheticRowsWithinClassBounds",
    "ExpectSyntheticRowsWithinDomain",
    "JudgedExpectation",
    "LabelExpectation",
]

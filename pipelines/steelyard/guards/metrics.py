"""Metrics of Great Expectations on Spark that several expectations share: one aggregation each.

Great Expectations computes a metric once for all expectations of a suite that ask for it with the same
arguments. So a suite whose expectations name the same label, split and synthetic columns costs one
aggregation. Importing this module registers the metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from steelyard.guards._aggregates import class_bounds, count_labels, count_scores, shared_keys, time_ranges

LABEL_COUNTS = "steelyard.label_counts"
SHARED_KEYS = "steelyard.shared_keys"
TIME_RANGES = "steelyard.time_ranges"
CLASS_BOUNDS = "steelyard.class_bounds"
SCORE_COUNTS = "steelyard.score_counts"


class _TableMetric(TableMetricProvider):
    """A metric whose value a function computes from the whole table and the metric's arguments."""

    compute: ClassVar[Callable[..., Any]]

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805  # Great Expectations calls it as a class method
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> Any:
        df, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        return cls.compute(df, **{key: metric_value_kwargs.get(key) for key in cls.value_keys})


class LabelCountsMetric(_TableMetric):
    """The number of rows by label and, where their columns are named, by split and by being synthetic."""

    metric_name = LABEL_COUNTS
    value_keys = ("label", "split", "synthetic")
    compute = staticmethod(count_labels)


class SharedKeysMetric(_TableMetric):
    """How many values of a key occur in more than one split."""

    metric_name = SHARED_KEYS
    value_keys = ("key", "split", "splits")
    compute = staticmethod(shared_keys)


class TimeRangesMetric(_TableMetric):
    """The first and the last time in each split."""

    metric_name = TIME_RANGES
    value_keys = ("time", "split")
    compute = staticmethod(time_ranges)


class ClassBoundsMetric(_TableMetric):
    """The range of each feature in the original and in the synthetic rows of each class of a split."""

    metric_name = CLASS_BOUNDS
    value_keys = ("label", "synthetic", "features", "split", "within")
    compute = staticmethod(class_bounds)


class ScoreCountsMetric(_TableMetric):
    """How many scores are what a probability can't be."""

    metric_name = SCORE_COUNTS
    value_keys = ("score", "classes", "tolerance")
    compute = staticmethod(count_scores)

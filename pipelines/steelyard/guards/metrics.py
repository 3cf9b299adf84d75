"""The metrics of Great Expectations on Spark that all expectations share: `cells` and `overlaps`, of one scan.

Great Expectations computes a metric once for all expectations of a suite that ask for it with the same
arguments. Importing this module registers the metrics.
"""

from __future__ import annotations

from typing import Any

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration

from steelyard.guards._needs import CELLS, OVERLAPS
from steelyard.guards._table import look

__all__ = ["CELLS", "OVERLAPS", "CellsMetric", "OverlapsMetric"]

_SEEN = "steelyard.seen"


class _TableMetric(TableMetricProvider):
    """A metric that is computed together with the others, by a metric that they depend on."""

    metric_name = _SEEN
    value_keys = ("by", "measures", "kinds")

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *_: Any, **__: Any
    ) -> dict[str, MetricConfiguration]:
        whole = MetricConfiguration(_SEEN, metric.metric_domain_kwargs, metric.metric_value_kwargs)
        return {_SEEN: whole} if cls.metric_name != _SEEN else {}

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805  # Great Expectations calls it as a class method
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> Any:
        if cls.metric_name != _SEEN:
            return getattr(metrics[_SEEN], cls.metric_name.removeprefix("steelyard."))
        df, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        return look(df, **{key: metric_value_kwargs.get(key) for key in cls.value_keys})


class CellsMetric(_TableMetric):
    """Rows by label, split, synthetic or not, and slice, with measures of each cell."""

    metric_name = CELLS


class OverlapsMetric(_TableMetric):
    """Values that occur in several parts of the table, and the share of rows that chance accounts for."""

    metric_name = OVERLAPS

"""The metrics of Great Expectations on Spark that all expectations share: two, each an aggregation of the whole table.

Great Expectations computes a metric once for all expectations of a suite that ask for it with the same
arguments. Importing this module registers the metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from steelyard.guards._aggregates import count_cells
from steelyard.guards._chance import overlaps_and_chances
from steelyard.guards._needs import CELLS, OVERLAPS

__all__ = ["CELLS", "OVERLAPS", "CellsMetric", "OverlapsMetric"]


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


class CellsMetric(_TableMetric):
    """Rows by label, split, being synthetic and slice, with what is measured in each cell."""

    metric_name = CELLS
    value_keys = ("by", "measures")
    compute = staticmethod(count_cells)


class OverlapsMetric(_TableMetric):
    """Which values occur in which parts of the table, and for which share of rows chance accounts."""

    metric_name = OVERLAPS
    value_keys = ("kinds",)
    compute = staticmethod(overlaps_and_chances)

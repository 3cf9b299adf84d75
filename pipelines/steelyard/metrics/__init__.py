"""Metrics of scored rows, with confidence intervals: two Spark aggregations give small tables, NumPy does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.lazy import lazy
from steelyard.metrics._document import always_majority, class_shares, document, lookup, majority_class
from steelyard.metrics._gate import check_gate, judge_gate
from steelyard.metrics._tables import BucketTable, ScoreTable
from steelyard.metrics.registry import (
    ConfusionCounts,
    CostTotals,
    Majority,
    Metric,
    MulticlassCounts,
    all_metrics,
    get_metric,
    metric_names,
    register_metric,
    unregister_metric,
)

if TYPE_CHECKING:
    from steelyard.metrics._aggregate import score_table
    from steelyard.metrics._amounts import amount_columns, check_amounts, refuse_amounts, row_weight
    from steelyard.metrics._columns import ScoreColumn, numbers
    from steelyard.metrics._evaluate import SplitMetrics, evaluate, evaluate_splits
    from steelyard.metrics._evaluator import Evaluator
    from steelyard.metrics._rows import NO_PROBABILITY
    from steelyard.metrics._split import split_document

__all__ = [
    "NO_PROBABILITY",
    "BucketTable",
    "ConfusionCounts",
    "CostTotals",
    "Evaluator",
    "Majority",
    "Metric",
    "MulticlassCounts",
    "ScoreColumn",
    "ScoreTable",
    "SplitMetrics",
    "all_metrics",
    "always_majority",
    "amount_columns",
    "check_amounts",
    "check_gate",
    "class_shares",
    "document",
    "evaluate",
    "evaluate_splits",
    "get_metric",
    "judge_gate",
    "lookup",
    "majority_class",
    "metric_names",
    "numbers",
    "refuse_amounts",
    "register_metric",
    "row_weight",
    "score_table",
    "split_document",
    "unregister_metric",
]

# Report, terminal and Airflow need the registry without Spark.
__getattr__ = lazy(__name__, "_aggregate", "_amounts", "_columns", "_rows", "_split", "_evaluate", "_evaluator")

"""Watch a model before labels arrive: drift, the new prevalence, and expected performance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.lazy import lazy
from steelyard.monitoring._alerts import Limits, alerts
from steelyard.monitoring._counts import BUCKETS, NEGATIVE, POSITIVE, UNKNOWN, ScoreCounts
from steelyard.monitoring._document import WIDTH, document
from steelyard.monitoring._features import ClassProfile, Feature, profiled_features
from steelyard.monitoring._label_shift import LabelShift, expected, label_shift

if TYPE_CHECKING:
    from steelyard.monitoring._aggregate import count_rows
    from steelyard.monitoring._monitor import KNOWN, check_labels, monitor, with_labels

__all__ = [
    "BUCKETS",
    "KNOWN",
    "NEGATIVE",
    "POSITIVE",
    "UNKNOWN",
    "WIDTH",
    "ClassProfile",
    "Feature",
    "LabelShift",
    "Limits",
    "ScoreCounts",
    "alerts",
    "check_labels",
    "count_rows",
    "document",
    "expected",
    "label_shift",
    "monitor",
    "profiled_features",
    "with_labels",
]

# The estimates are NumPy, which workers and benchmarks use without Spark.
__getattr__ = lazy(__name__, "_aggregate", "_monitor")

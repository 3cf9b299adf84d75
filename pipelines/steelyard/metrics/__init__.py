"""Honest numbers about scored rows: small tables by two aggregations, and everything else from those."""

from steelyard.metrics._aggregate import score_table
from steelyard.metrics._columns import ScoreColumn, numbers
from steelyard.metrics._document import document, lookup
from steelyard.metrics._evaluate import SplitMetrics, evaluate
from steelyard.metrics._evaluator import Evaluator
from steelyard.metrics._gate import METRICS, check_gate, judge_gate
from steelyard.metrics._rows import MOST, NO_PROBABILITY, bad_amount
from steelyard.metrics._split import split_document
from steelyard.metrics._tables import BucketTable, Decisions, ScoreTable

__all__ = [
    "METRICS",
    "MOST",
    "NO_PROBABILITY",
    "BucketTable",
    "Decisions",
    "Evaluator",
    "ScoreColumn",
    "ScoreTable",
    "SplitMetrics",
    "bad_amount",
    "check_gate",
    "document",
    "evaluate",
    "judge_gate",
    "lookup",
    "numbers",
    "score_table",
    "split_document",
]

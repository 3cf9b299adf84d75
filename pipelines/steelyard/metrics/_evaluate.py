"""Metrics of scored rows: the one function that stages, commands and notebooks call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import check_names, class_text, require_columns
from steelyard.errors import ConfigError
from steelyard.metrics._aggregate import Tables
from steelyard.metrics._bootstrap import Number
from steelyard.metrics._columns import ScoreColumn, numbers
from steelyard.metrics._curves import class_curves
from steelyard.metrics._gain import ScoredSplit, gain
from steelyard.metrics._notes import notes_on
from steelyard.metrics._rows import ScoredColumns, Summary, check, matrix_cost
from steelyard.metrics._split import split_document
from steelyard.metrics._tables import BucketTable, ScoreTable


@dataclass(frozen=True)
class SplitMetrics:
    """The metrics of one split.

    Parameters
    ----------
    numbers : dict
        One split of `metrics.json`.
    tables : dict
        Class → score table: of the positive class, or of each of several.
    threshold : float, optional
    notes : tuple of str
        What readers of the numbers should know.
    """

    numbers: dict[str, Any]
    tables: dict[str, ScoreTable]
    threshold: float | None = None
    notes: tuple[str, ...] = ()
    _scored: ScoredSplit | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return one split of `metrics.json`."""
        return self.numbers

    def curves(self) -> dict[str, Any]:
        """Return class → curves for the report, of at most 400 points each (see `class_curves`)."""
        return {name: class_curves(table, self.threshold) for name, table in self.tables.items()}

    def gain_over(self, other: SplitMetrics, metric: str) -> Number:
        """Return by how much a metric is better here than in other decisions about the same rows.

        Parameters
        ----------
        other : SplitMetrics
            Metrics of the same rows with other scores, with the same buckets: both from one `evaluate_splits`.
        metric : str
            A name of the registry; with more than two classes, a metric of a class is its macro mean.

        Returns
        -------
        dict
            `value`, positive where this side is better also where less is better, and `ci95` of the difference: each
            draw of the bootstrap takes the same rows on both sides. With too few rows `ci95` is null, and `note` says
            so.
        """
        if self._scored is None or other._scored is None:
            raise ConfigError("gain_over needs metrics that evaluate or evaluate_splits has made")
        return gain(self._scored, other._scored, metric)


def evaluate(
    df: DataFrame,
    *,
    classes: Sequence[str],
    positive: str | None,
    bucket: Column,
    label: str = "label",
    score: str = "score",
    decision: str | None = "decision",
    split: str | None = None,
    threshold: float | None = None,
    weight: str | None = None,
    false_negative: str | float | None = None,
    false_positive: str | float | None = None,
    grouped: bool = False,
) -> SplitMetrics:
    """Return the metrics of scored rows, with confidence intervals.

    Three jobs, each one aggregation with one small shuffle. Nothing is cached: give a table that is read from files,
    or cache what is expensive to compute.

    Parameters
    ----------
    df : DataFrame
    classes : sequence of str
        All classes in their string form; binary: negative, positive.
    positive : str or None
        The positive class; None with more than two.
    bucket : Column of int
        0 to 199, from a hash of the row; of its group or time block where rows depend on each other.
    label, score : str
        `score` is the probability of the positive class, a map of class → probability, or an array or vector with
        an entry for each class 0, 1, …. Scores that are not probabilities get all metrics but Brier score, log loss
        and calibration error.
    decision : str, optional
        The decided class. With two classes a threshold is enough; where both are given they must agree.
    split : str, optional
        Take only rows that have this value in the column `split`.
    threshold : float, optional
        Rows are decided to be positive from this score on, compared in the precision of the scores.
    weight : str, optional
    false_negative, false_positive : str or float, optional
        Cost of a missed positive and of a false alarm: a column or a number. With two classes only.
    grouped : bool, default False
        Whether `bucket` keeps groups whole. Intervals then never take rows of a group for independent.

    Returns
    -------
    SplitMetrics

    Raises
    ------
    InputError
        For columns that are missing, and rows that can't be judged; the message counts them.
    ConfigError
        For neither a decision nor a threshold.
    """
    check_names(df.columns, ours=True)
    rows = df
    if split is not None:
        require_columns(df, ["split"], "split column")
        rows = df.where(F.col("split") == split)
    roles = _roles(
        rows, classes, positive, bucket, label, score, decision, threshold, weight, false_negative, false_positive
    )
    return _judge(rows, roles, grouped=grouped)[0]


def evaluate_splits(
    df: DataFrame,
    splits: Sequence[str],
    *,
    classes: Sequence[str],
    positive: str | None,
    bucket: Column,
    threshold: float | None = None,
    weight: str | None = None,
    false_negative: str | float | None = None,
    false_positive: str | float | None = None,
    grouped: bool = False,
    rivals: Mapping[str, float] | None = None,
    matrix: Mapping[str, Mapping[str, float]] | None = None,
    not_probabilities: str | None = None,
) -> dict[str, SplitMetrics]:
    """Return the metrics of several splits, at the cost of one.

    Parameters
    ----------
    df : DataFrame
        With the columns `split`, `label`, `score` and `decision`.
    splits : sequence of str
        Values of the column `split`.
    classes, positive, bucket, threshold, weight, false_negative, false_positive, grouped
        As for `evaluate`.
    rivals : mapping of str to float, optional
        Names of other thresholds: with costs, each split holds in `saved` what the decisions cost less than theirs.
    matrix : mapping, optional
        With more than two classes: actual class → decided class → cost.
    not_probabilities : str, optional
        Why the scores are not probabilities, if that is known: metrics of probabilities are then null.
    """
    check_names(df.columns, ours=True)
    require_columns(df, ["split"], "split column")
    roles = _roles(
        df, classes, positive, bucket, "label", "score", "decision", threshold, weight, false_negative, false_positive
    )
    part = F.coalesce(*[F.when(F.col("split") == name, i) for i, name in enumerate(splits)])
    others = dict(rivals or {})
    roles = replace(roles, part=part, rivals=tuple(others.values()))
    if positive is None and matrix is not None and roles.decision is not None:
        roles = replace(roles, cost_fn=matrix_cost(roles.label, roles.decision, classes, matrix))
    roles = replace(roles, not_probabilities=not_probabilities)
    judged = _judge(df, roles, parts=len(splits), grouped=grouped, rivals=others, matrix=matrix)
    return dict(zip(splits, judged, strict=True))


def _roles(
    df: DataFrame,
    classes: Sequence[str],
    positive: str | None,
    bucket: Column,
    label: str,
    score: str,
    decision: str | None,
    threshold: float | None,
    weight: str | None,
    false_negative: str | float | None,
    false_positive: str | float | None,
) -> ScoredColumns:
    """Return the columns that `evaluate` names, checked."""
    require_columns(df, [c for c in (score, decision, weight, false_negative, false_positive) if isinstance(c, str)])
    if decision is None and (threshold is None or positive is None):
        raise ConfigError("metrics need the decided classes or, with two classes, a threshold")
    scores = ScoreColumn.of(df, score)
    return ScoredColumns(
        label=class_text(df, label),
        score=scores.of_classes(classes) if positive is None else scores.of_class(positive),
        classes=tuple(classes),
        positive=positive,
        decision=None if decision is None else class_text(df, decision),
        threshold=scores.threshold(threshold) if positive is not None and threshold is not None else None,
        weight=None if weight is None else numbers(df, weight, "weight"),
        cost_fn=_cost(df, false_negative) if positive is not None else None,
        cost_fp=_cost(df, false_positive) if positive is not None else None,
        bucket=bucket,
    )


def _judge(
    df: DataFrame,
    roles: ScoredColumns,
    *,
    parts: int = 1,
    grouped: bool,
    rivals: Mapping[str, float] | None = None,
    matrix: Mapping[str, Mapping[str, float]] | None = None,
) -> list[SplitMetrics]:
    """Check and aggregate the rows, then compute all numbers from the small tables of each part."""
    narrow = roles.narrow(df)
    summaries = check(narrow, roles, parts)
    aggregates = Tables(roles, narrow, summaries)
    tables = aggregates.scores()
    pairs = list(zip(tables, aggregates.buckets(tables), strict=True))
    each = len(tables) // parts
    return [
        _numbers(roles, of, pairs[i * each : (i + 1) * each], grouped=grouped, rivals=rivals, matrix=matrix)
        for i, of in enumerate(summaries)
    ]


def _numbers(
    roles: ScoredColumns,
    summary: Summary,
    pairs: Sequence[tuple[ScoreTable, BucketTable]],
    *,
    grouped: bool,
    rivals: Mapping[str, float] | None,
    matrix: Mapping[str, Mapping[str, float]] | None = None,
) -> SplitMetrics:
    names = roles.classes if roles.positive is None else (roles.positive,)
    of = dict(zip(names, pairs, strict=True))
    reason = roles.not_probabilities or summary.not_probabilities
    found = split_document(
        roles.classes,
        roles.positive,
        summary.confusion,
        of,
        grouped=grouped,
        not_probabilities=reason,
        rivals=rivals,
        matrix=matrix,
    )
    notes = notes_on(found, roles.classes, roles.positive, summary, roles.not_probabilities)
    scored = ScoredSplit(roles.classes, roles.positive, of, grouped, matrix is not None, reason)
    return SplitMetrics(found, {name: table for name, (table, _) in of.items()}, roles.threshold, notes, scored)


def _cost(df: DataFrame, cost: str | float | None) -> Column | None:
    if cost is None:
        return None
    return numbers(df, cost, "cost") if isinstance(cost, str) else F.lit(float(cost))

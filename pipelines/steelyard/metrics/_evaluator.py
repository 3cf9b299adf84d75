"""The metrics as an evaluator of Spark ML, for its validators."""

from __future__ import annotations

import math
import sys
from numbers import Integral
from typing import Any

from pyspark.ml.evaluation import Evaluator as SparkEvaluator
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import check_names, class_text, dtype
from steelyard.errors import ConfigError, InputError, closest
from steelyard.frames.caching import cached
from steelyard.kernels import reliability
from steelyard.metrics._aggregate import score_table
from steelyard.metrics._columns import ScoreColumn, numbers
from steelyard.metrics._counts import ConfusionCounts
from steelyard.metrics._metric import Metric
from steelyard.metrics._tables import ScoreTable
from steelyard.metrics.registry import all_metrics, get_metric
from steelyard.params import HasParameters, Parameter, column, number, param, wrong

_FINITE = number(-sys.float_info.max, sys.float_info.max, "a finite number")


def _metric(name: str, value: object) -> str:
    known = [m.name for m in all_metrics() if m.needs != "costs"]
    if value not in known:
        raise wrong(name, f"one of {', '.join(known)}", value, closest(str(value), known))
    return str(value)


def _class(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | Integral) or value == "":
        raise wrong(name, "a class as text (a boolean's is 'true' or 'false') or a whole number", value)
    return str(value)


class Evaluator(HasParameters, SparkEvaluator, MLReadable[Any], MLWritable):
    """Exact metrics of one class against the rest, for `CrossValidator` and `TrainValidationSplit`.

    The PR area is the average precision, rows with equal scores judged together, equal to scikit-learn's
    `average_precision_score`. (Spark's `BinaryClassificationEvaluator` joins some 1,000 points of the curve by straight
    lines [1]_; where all positives fall into a few of them, its area is far off.)

    Costs one pass over the scored rows, in which label, score and weight are cached, and two aggregations of those
    with one small shuffle each; the driver gets one row for each distinct score, a million at most. Beyond, areas and
    losses are taken from narrow ranges of scores; what is decided by the threshold stays exact.

    Parameters
    ----------
    label_col : str, default "label"
        Numbers, text or booleans.
    score_col : str, default "probability"
        Scores that rise with the chance of the positive class: a number, or a vector, array or map with an entry for
        each class.
    metric : str, default "pr_auc"
        Any metric of `steelyard.metrics.registry` but those of costs: of scores, such as ``"roc_auc"``; of
        probabilities, such as ``"log_loss"``, of which less is better; of decisions, such as ``"f2"`` or ``"mcc"``.
    positive : str or int, default "1"
        The class that is looked for, by its string form (1.0 is ``"1"``, true is ``"true"``); rows with another label
        are negative. Never guessed from the rows, so that it is the same in each fold. Where `score_col` has an entry
        for each class it is the index of its entry too, as with labels that Spark ML learns from.
    threshold : float, default 0.5
        Decisions are positive from this score on.
    weight_col : str, optional

    Raises
    ------
    InputError
        When evaluating: for columns that are missing or of another type, scores that are null or infinite, and a
        metric that isn't defined on the rows, such as the PR area without a positive one. (A validator would take NaN
        for the best.)

    References
    ----------
    .. [1] Davis, Goadrich, "The relationship between Precision-Recall and ROC curves", ICML, 2006.

    Examples
    --------
    >>> Evaluator(metric="brier").isLargerBetter()
    False
    >>> scored = df.withColumn("probability", F.array(1 - F.col("x"), F.col("x")))
    >>> Evaluator(label_col="is_fraud").evaluate(scored) > 0.01
    True
    """

    label_col: Parameter[str] = param("the label column", column, default="label")
    score_col: Parameter[str] = param(
        "the scores: a vector or array with an entry for each class, or a number", column, default="probability"
    )
    metric: Parameter[str] = param("the metric to return", _metric, default="pr_auc")
    positive: Parameter[str | int] = param(
        "the class that is looked for, and the index of its entry in the scores", _class, default="1"
    )
    threshold: Parameter[float] = param("lowest score of rows that are decided to be positive", _FINITE, default=0.5)
    weight_col: Parameter[str | None] = param("column of row weights", column, default=None)

    def isLargerBetter(self) -> bool:  # noqa: N802 (the name is Spark's)
        """Whether a greater value of the metric is better: not so for losses."""
        return self._metric.greater_is_better

    @property
    def _metric(self) -> Metric:
        try:
            return get_metric(self.getOrDefault("metric"))
        except ConfigError as error:  # it was saved where the metric was registered
            raise InputError(f"metric: {error}") from None

    def _evaluate(self, dataset: DataFrame) -> float:
        label, weight = self.getOrDefault("label_col"), self.getOrDefault("weight_col")
        check_names(dataset.columns)
        dtype(dataset, label, "label_col")
        score, threshold = self._score(dataset)
        named = [class_text(dataset, label).alias("label"), score.alias("score")]
        if weight is not None:
            named.append(numbers(dataset, weight, "weight_col").alias("weight"))
        with cached(dataset.select(*named)) as rows:
            table = score_table(
                rows,
                label=F.col("label"),
                score=self._judged(F.col("score"), threshold),
                positive=self.getOrDefault("positive"),
                weight=F.col("weight") if weight is not None else None,
            )
        return self._value(table)

    def _score(self, df: DataFrame) -> tuple[Column, float]:
        """Return the scores of the positive class and the threshold in their precision."""
        scores = ScoreColumn.of(df, self.getOrDefault("score_col"), "score_col")
        return scores.of_class(self.getOrDefault("positive")), scores.threshold(self.getOrDefault("threshold"))

    def _judged(self, score: Column, threshold: float) -> Column:
        """Return scores, or 1 and 0 for decisions; other values are unchanged, and refused later."""
        if self._metric.needs != "decisions":
            return score
        alarm = (score >= F.lit(threshold)).cast("double")
        return F.when(F.isnan(score) | (F.abs(score) == F.lit(math.inf)), score).otherwise(alarm)

    def _value(self, table: ScoreTable) -> float:
        metric = self._metric
        low, high = float(table.low.min()), float(table.high.max())
        if metric.needs == "probabilities" and (low < 0 or high > 1):
            raise InputError(
                f"{metric.name} needs probabilities in score_col {self.getOrDefault('score_col')!r}, "
                f"and its scores are from {low:g} to {high:g}"
            )
        name, value = metric.name, _value(metric, table)
        if math.isnan(value):
            raise InputError(
                f"{name} isn't defined on {table.count_pos.sum():,} positive and {table.count_neg.sum():,} other rows: "
                f"positive is {self.getOrDefault('positive')!r} in label_col {self.getOrDefault('label_col')!r}. "
                f"If there are such rows elsewhere, divide the folds by class."
            )
        return value


def _value(metric: Metric, table: ScoreTable) -> float:
    """Return a metric of a score table; for metrics of decisions its scores are 1 (positive) and 0."""
    if metric.needs == "decisions":
        return float(metric.of_decisions(_decided(table)))
    if metric.kind == "ranking":
        return float(metric.compute(table.pos, table.neg))
    if metric.kind == "probabilities":
        return float(metric.compute(table.score, table.pos, table.neg))
    return float(reliability.mean_loss(metric.compute(table.score), table.pos, table.neg))


def _decided(table: ScoreTable) -> ConfusionCounts:
    alarm = table.score == 1
    tp, fp = table.pos[alarm].sum(), table.neg[alarm].sum()
    return ConfusionCounts(tp, fp, table.pos[~alarm].sum(), table.neg[~alarm].sum())

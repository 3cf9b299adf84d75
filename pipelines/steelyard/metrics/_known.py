"""The metrics that steelyard has, in the order in which tables show them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from steelyard.kernels import curves, reliability, scores
from steelyard.kernels.arrays import Flags, Floats, divide
from steelyard.metrics._metric import Metric

PRECISION_FLOOR = 0.9
ECE_BINS = 15
_LOSS = (0.0, math.inf)


def _recall_bounds(pos: Floats, neg: Floats, tied: Flags) -> tuple[Any, Any]:
    least = curves.recall_at_precision(pos, neg, PRECISION_FLOOR)
    return least, np.maximum(least, curves.recall_at_precision_bound(pos, neg, PRECISION_FLOOR))


def _precision_at_k_bounds(pos: Floats, neg: Floats, tied: Flags) -> tuple[Any, Any]:
    return curves.precision_at_k_bounds(pos, neg, float(pos.sum()), tied)


def _calibration_error(score: Floats, pos: Floats, neg: Floats) -> Floats:
    return reliability.calibration_error(score, pos, neg, reliability.mass_bins(pos + neg, ECE_BINS))


_decisions = partial(Metric, kind="counts")
_class_decisions = partial(Metric, kind="class_counts")
_ranking = partial(Metric, kind="ranking")
_loss = partial(Metric, greater_is_better=False, range=_LOSS)
_cost = partial(_loss, kind="cost", interval="total")

KNOWN = (
    _decisions(
        name="recall",
        label="Recall",
        description="share of the positives that are found",
        value=lambda c: c.recall,
        interval="proportion",
        cells=("tp", "fn"),
    ),
    _decisions(
        name="precision",
        label="Precision",
        description="share of the alarms that are right",
        value=lambda c: c.precision,
        interval="proportion",
        cells=("tp", "fp"),
        baseline=lambda m: m.share if m.chosen else None,  # without alarms it is undefined; 0 is scikit-learn's choice
    ),
    _decisions(
        name="f1",
        label="F1",
        description="precision and recall, equally weighted",
        value=lambda c: c.f_beta(1.0),
        maximize=True,
    ),
    _decisions(
        name="f2",
        label="F2",
        description="recall counts twice as much as precision",
        value=lambda c: c.f_beta(2.0),
        maximize=True,
    ),
    _decisions(
        name="f0.5",
        label="F0.5",
        description="precision counts twice as much as recall",
        value=lambda c: c.f_beta(0.5),
        headline=False,
        maximize=True,
    ),
    _decisions(
        name="specificity",
        label="Specificity",
        description="share of the negatives without an alarm",
        value=lambda c: c.specificity,
        interval="proportion",
        cells=("fp", "tn"),
        headline=False,
    ),
    _ranking(
        name="pr_auc",
        label="PR area",
        description="average precision over all thresholds; guessing gives the share of positives",
        value=curves.average_precision,
        bounds=curves.average_precision_bounds,
        interval="unseen_positive",
    ),
    _ranking(
        name="roc_auc",
        label="ROC area",
        description="over all thresholds; flatters where positives are rare",
        value=curves.roc_auc,
        bounds=curves.roc_auc_bounds,
        interval="ranks",
    ),
    _ranking(
        name="recall_at_precision_0.9",
        label="Recall at precision 0.9",
        description="greatest recall of a threshold whose precision is at least 0.9",
        value=lambda pos, neg: curves.recall_at_precision(pos, neg, PRECISION_FLOOR),
        bounds=_recall_bounds,
        scope="positive",
        interval="best_threshold",
    ),
    _cost(
        name="expected_cost",
        label="Expected cost",
        description="mean cost of the decisions per row",
        value=lambda c: divide(c.missed + c.alarms, c.rows),
    ),
    _cost(
        name="expected_cost_never_alarm",
        label="Expected cost without alarms",
        description="mean cost per row if every positive were missed",
        value=lambda c: divide(c.all_missed, c.rows),
        headline=False,
    ),
    _cost(
        name="expected_cost_always_alarm",
        label="Expected cost with alarms on all rows",
        description="mean cost per row if every row raised an alarm",
        value=lambda c: divide(c.all_alarms, c.rows),
        headline=False,
    ),
    _class_decisions(
        name="accuracy",
        label="Accuracy",
        description="share of correct decisions; says little where a class is rare",
        value=lambda c: scores.accuracy(c.hits, c.support),
        interval="proportion",
    ),
    _class_decisions(
        name="balanced_accuracy",
        label="Balanced accuracy",
        description="mean of the classes' recalls",
        value=lambda c: scores.balanced_accuracy(c.hits, c.support),
        interval="class_mean",
        maximize=True,
    ),
    _class_decisions(
        name="mcc",
        label="MCC",
        description="Matthews' correlation of decided and actual class",
        value=lambda c: scores.mcc(c.hits, c.predicted, c.support),
        range=(-1.0, 1.0),
        maximize=True,
    ),
    _loss(
        name="brier",
        label="Brier score",
        description="mean squared error of the probabilities",
        kind="loss",
        value=reliability.squared_losses,
    ),
    _loss(
        name="ece",
        label="Calibration error",
        description="mean gap between predicted and observed shares",
        kind="probabilities",
        value=_calibration_error,
        interval="debiased",
        range=(0.0, 1.0),
    ),
    _loss(
        name="log_loss",
        label="Log loss",
        description="mean logarithmic loss of the probabilities",
        kind="local_loss",
        value=reliability.log_losses,
        headline=False,
    ),
    _ranking(
        name="precision_at_k",
        label="Precision at k",
        description="precision among the k highest scores, k being the number of positives",
        value=lambda pos, neg: curves.precision_at_k(pos, neg, pos.sum(axis=-1)),
        bounds=_precision_at_k_bounds,
        scope="positive",
        interval="top_k",
        headline=False,
    ),
    _class_decisions(
        name="g_mean",
        label="G-mean",
        description="geometric mean of the classes' recalls",
        value=lambda c: scores.g_mean(c.hits, c.support),
        interval="class_mean",
        headline=False,
        maximize=True,
    ),
    _class_decisions(
        name="kappa",
        label="Kappa",
        description="Cohen's agreement beyond chance",
        value=lambda c: scores.kappa(c.hits, c.predicted, c.support),
        range=(-1.0, 1.0),
        headline=False,
    ),
    _decisions(
        name="iba",
        label="IBA",
        description="index of balanced accuracy: squared G-mean, tilted towards recall",
        value=lambda c: scores.index_balanced_accuracy(c.recall, c.specificity),
        scope="positive",
        headline=False,
    ),
)

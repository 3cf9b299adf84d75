"""Calibration and decisions, fitted on scores in memory: what one Spark task decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.dataset import Cost
from steelyard.deciding._calibrators import Calibrator, Identity
from steelyard.deciding._classes import ClassCalibrators
from steelyard.deciding._fit import has_both
from steelyard.deciding._fit_policy import _chosen, _of_classes, _of_positive
from steelyard.deciding._rules import ALERTS, CONFORMAL, PER_ROW_COST, Rule
from steelyard.distortion import Distortion
from steelyard.kernels.arrays import Counts, Floats
from steelyard.metrics import ScoreTable


@dataclass(frozen=True)
class ArrayPolicy:
    """A calibrator and a threshold; None where each row has its own."""

    calibrator: Calibrator
    threshold: float | None

    def calibrated(self, score: Floats) -> Floats:
        """Return calibrated scores."""
        return self.calibrator.apply_numpy(score)

    def alarms(self, calibrated: Floats, cost_fn: Floats, cost_fp: Floats) -> NDArray[np.bool_]:
        """Return whether each row is decided to be positive."""
        if self.threshold is None:
            found: NDArray[np.bool_] = calibrated * (cost_fn + cost_fp) >= cost_fp
            return found
        return calibrated >= self.threshold


def fit_array_policy(
    table: ScoreTable,
    *,
    classes: tuple[str, str],
    positive: str,
    distortion: Distortion,
    calibrate: str = "auto",
    threshold: Rule | None = None,
    cost: Cost | None = None,
) -> ArrayPolicy:
    """Return the policy of a score table of validation rows, as `fit_policy` does of scored rows.

    Rules that need more than a score table (alerts, conformal recall) are replaced by the default one. With rows of one
    class only, scores are corrected as far as that is exact, and the threshold is 0.5.
    """
    if not has_both(table):
        method = "prior" if distortion.kind == "prior shift" else "none"
        return ArrayPolicy(_of_positive(method, table, classes, positive, distortion).calibrator, 0.5)
    calibrator = _of_positive(calibrate, table, classes, positive, distortion).calibrator
    if threshold == PER_ROW_COST:
        return ArrayPolicy(calibrator, None)
    if isinstance(threshold, Mapping) and {ALERTS, CONFORMAL} & set(threshold):
        threshold = None
    calibrated = distortion.kind == "none" or not isinstance(calibrator, Identity)
    moved = table.moved(calibrator.apply_numpy(table.score))
    return ArrayPolicy(calibrator, _chosen(moved, threshold, (cost or Cost()) if calibrated else Cost()).value)


@dataclass(frozen=True)
class ClassArrayPolicy:
    """Calibrators of several classes, and how is decided among them.

    Parameters
    ----------
    calibrators : ClassCalibrators
    weights : array of float
        What each calibrated probability is multiplied by before the greatest is decided for.
    costs : array of float, shape (classes, classes), optional
        By actual and decided class: the least expected cost is decided for instead.
    """

    calibrators: ClassCalibrators
    weights: Floats
    costs: Floats | None = None

    def calibrated(self, score: Floats) -> Floats:
        """Return calibrated probabilities, a column for each class."""
        return self.calibrators.apply_numpy(score)

    def decided(self, calibrated: Floats) -> Counts:
        """Return the number of the decided class; of equal ones the first."""
        found: Counts = (
            np.argmax(calibrated * self.weights, axis=1)
            if self.costs is None
            else np.argmin(calibrated @ self.costs, axis=1)
        )
        return found


def fit_class_array_policy(
    tables: Sequence[ScoreTable],
    *,
    classes: tuple[str, ...],
    distortion: Distortion,
    calibrate: str = "auto",
    class_weights: Mapping[str, float] | None = None,
    cost: Cost | None = None,
) -> ClassArrayPolicy:
    """Return the policy of several classes, as `fit_policy` does of scored rows.

    Parameters
    ----------
    tables : sequence of ScoreTable
        Of each class against the rest.
    classes, distortion, calibrate, class_weights, cost
        As for `fit_policy`.
    """
    calibrators = _of_classes(calibrate, list(tables), classes, distortion)
    weights = dict(class_weights or {}) if calibrators.method != "none" else {}
    costs = None if cost is None or cost.matrix is None else cost.of_classes(classes)
    return ClassArrayPolicy(
        calibrators, np.array([weights.get(c, 1.0) for c in classes]), None if costs is None else np.array(costs)
    )

"""From scores to decisions: calibration, threshold, and the policy that holds both."""

from steelyard.deciding._alerts import alert_counts, alert_shares, period_of
from steelyard.deciding._auto import Candidate, Choice, choose_calibrator
from steelyard.deciding._calibrators import Calibrator, Identity, Isotonic, Prior
from steelyard.deciding._classes import ClassCalibrators, fit_class_calibrators
from steelyard.deciding._fit import check_calibration, fit_calibrator
from steelyard.deciding._fit_policy import fit_policy
from steelyard.deciding._log_odds import Beta, Platt, Quadratic, Temperature
from steelyard.deciding._on_arrays import ArrayPolicy, ClassArrayPolicy, fit_array_policy, fit_class_array_policy
from steelyard.deciding._policy import DecisionPolicy, greatest_class, positive_probability
from steelyard.deciding._promise import decision_document
from steelyard.deciding._rules import (
    ALERTS,
    CONFORMAL,
    F_BETA,
    PER_ROW_COST,
    PERIODS,
    check_matrix,
    check_rule,
    check_time,
    check_two_classes,
)
from steelyard.deciding._steps import Steps, calibrator_from_json
from steelyard.deciding._threshold import Threshold, choose_threshold
from steelyard.deciding._venn_abers import ENDS, VENN_ABERS, VennAbers, check_uncertainty, fit_venn_abers

__all__ = [
    "ALERTS",
    "CONFORMAL",
    "ENDS",
    "F_BETA",
    "PERIODS",
    "PER_ROW_COST",
    "VENN_ABERS",
    "ArrayPolicy",
    "Beta",
    "Calibrator",
    "Candidate",
    "Choice",
    "ClassArrayPolicy",
    "ClassCalibrators",
    "DecisionPolicy",
    "Identity",
    "Isotonic",
    "Platt",
    "Prior",
    "Quadratic",
    "Steps",
    "Temperature",
    "Threshold",
    "VennAbers",
    "alert_counts",
    "alert_shares",
    "calibrator_from_json",
    "check_calibration",
    "check_matrix",
    "check_rule",
    "check_time",
    "check_two_classes",
    "check_uncertainty",
    "choose_calibrator",
    "choose_threshold",
    "decision_document",
    "fit_array_policy",
    "fit_calibrator",
    "fit_class_array_policy",
    "fit_class_calibrators",
    "fit_policy",
    "fit_venn_abers",
    "greatest_class",
    "period_of",
    "positive_probability",
]

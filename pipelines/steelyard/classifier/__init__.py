"""Features, preprocessing, model and decision policy in one object, and its adapter to Spark ML.

Examples
--------
>>> from pyspark.sql import functions as F
>>> from steelyard.classifier import fit
>>> train, validation = df.where(F.col("customer") < 0.175), df.where(F.col("customer") >= 0.175)
>>> recipe = {"resample": {"method": "random_under_sampler"}, "train": {"params": {"n_estimators": 5}}}
>>> classifier = fit(recipe, train, validation, dataset)
>>> classifier.transform(df).select("calibrated_probability", "decision").count()
1000
"""

from typing import TYPE_CHECKING

from steelyard.classifier._recipe import check_calibration, check_rates, check_recipe, check_resampling
from steelyard.lazy import lazy

if TYPE_CHECKING:
    from steelyard.classifier._classifier import Classifier
    from steelyard.classifier._drawn_rows import DrawnRows, draw_rows, fewer_of_the_largest, most_rows
    from steelyard.classifier._estimator import ClassifierEstimator, ClassifierModel
    from steelyard.classifier._fit import fit
    from steelyard.classifier._fit_decisions import OUT_OF_FOLD, STANDS_FOR, fit_decisions
    from steelyard.classifier._fold_models import FoldModel, fit_folds, recipe_for_part, rows_before
    from steelyard.classifier._folds import FEWEST_POSITIVES, FOLDS, out_of_fold
    from steelyard.classifier._rules import PERIOD, SHARE, alert_period, alert_rule, keeps_half, kept_half, rate_of

__all__ = [
    "FEWEST_POSITIVES",
    "FOLDS",
    "OUT_OF_FOLD",
    "PERIOD",
    "SHARE",
    "STANDS_FOR",
    "Classifier",
    "ClassifierEstimator",
    "ClassifierModel",
    "DrawnRows",
    "FoldModel",
    "alert_period",
    "alert_rule",
    "check_calibration",
    "check_rates",
    "check_recipe",
    "check_resampling",
    "draw_rows",
    "fewer_of_the_largest",
    "fit",
    "fit_decisions",
    "fit_folds",
    "keeps_half",
    "kept_half",
    "most_rows",
    "out_of_fold",
    "rate_of",
    "recipe_for_part",
    "rows_before",
]

# Recipes are checked without Spark.
__getattr__ = lazy(
    __name__,
    "_rules",
    "_drawn_rows",
    "_fit_decisions",
    "_fold_models",
    "_folds",
    "_classifier",
    "_fit",
    "_estimator",
)

"""Scores of training rows by the models of folds, which have not seen them.

Where validation rows have few positives, these scores make up for it; comparisons of recipes rest on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._fit_decisions import OUT_OF_FOLD, STANDS_FOR
from steelyard.classifier._fold_models import FoldModel
from steelyard.columns import class_text, combined, of_key
from steelyard.dataset import Dataset
from steelyard.deciding import ClassCalibrators, Identity
from steelyard.distortion import Distortion

FEWEST_POSITIVES = 50
"""Positive validation rows below which a pipeline also fits fold models."""
FOLDS = 5


def out_of_fold(
    models: Sequence[FoldModel], dataset: Dataset, rates: Mapping[str, float], like: Distortion
) -> DataFrame:
    """Return the rows of all folds, each scored by the model that has not seen it.

    Parameters
    ----------
    models : sequence of FoldModel
        Of one recipe.
    dataset : Dataset
    rates : mapping of str to float
        Those of the rows' draw.
    like : Distortion
        Of another model: probabilities are brought to the class shares of its training, so that one calibration serves
        both.

    Returns
    -------
    DataFrame
        With the columns `OUT_OF_FOLD`, an array of probabilities in the order of the classes, and `STANDS_FOR`: how
        many rows of its class the row stands for.
    """
    rows = combined(DataFrame.unionByName, [_scored(of, like) for of in models])
    times = of_key({c: 1 / rate for c, rate in rates.items()}, class_text(rows, dataset.label), "double")
    return rows.withColumn(STANDS_FOR, times)


def _scored(of: FoldModel, like: Distortion) -> DataFrame:
    model = of.model
    rates = tuple(like.rate(c) / model.distortion.rate(c) for c in model.classes)
    scaled = ClassCalibrators("prior", (Identity(),) * len(rates), rates)
    scores = model.predict(of.unseen, OUT_OF_FOLD)
    return scores.withColumn(OUT_OF_FOLD, scaled.apply(F.col(OUT_OF_FOLD)))

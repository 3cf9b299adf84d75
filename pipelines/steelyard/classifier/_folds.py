"""Scores of training rows by the models of folds, which have not seen them.

Where validation rows have few positives, these scores make up for it; comparisons of recipes rest on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._fit_decisions import OUT_OF_FOLD, STANDS_FOR
from steelyard.classifier._fold_models import FOLD, FoldModel
from steelyard.columns import class_text, internal, of_key, of_place
from steelyard.dataset import Dataset
from steelyard.deciding import ClassCalibrators, Identity
from steelyard.distortion import Distortion
from steelyard.learning import Model
from steelyard.learning.model import predict_each

FEWEST_POSITIVES = 50
"""Positive validation rows below which a pipeline also fits fold models."""
FOLDS = 5

_PLACE = internal("place_of_model")


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
    table = models[0].unseen.table
    place = F.coalesce(*[F.when(of.unseen.condition, F.lit(i)) for i, of in enumerate(models)])
    rows = table.withColumn(_PLACE, place).where(F.col(_PLACE).isNotNull())
    scores = predict_each([of.model for of in models], rows, F.col(_PLACE), OUT_OF_FOLD)
    scaled = of_place(F.col(_PLACE), [_scaled(of.model, like) for of in models])
    times = of_key({c: 1 / rate for c, rate in rates.items()}, class_text(rows, dataset.label), "double")
    return scores.withColumn(OUT_OF_FOLD, scaled).withColumn(STANDS_FOR, times).drop(_PLACE, FOLD)


def _scaled(model: Model, like: Distortion) -> Column:
    rates = tuple(like.rate(c) / model.distortion.rate(c) for c in model.classes)
    return ClassCalibrators("prior", (Identity(),) * len(rates), rates).apply(F.col(OUT_OF_FOLD))

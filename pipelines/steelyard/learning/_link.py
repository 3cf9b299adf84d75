"""From margins to probabilities, in Spark's own arithmetic: its `exp` is StrictMath's, the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.kernels.losses import LARGEST_MARGIN, Focal
from steelyard.metrics.expressions import let


def logistic(margin: Column) -> Column:
    """Return [P(negative), P(positive)] of the positive class's log odds."""
    one = F.lit(1.0)
    return F.array(one / (one + F.exp(margin)), one / (one + F.exp(-margin)))


def focal_log_odds(margin: Column, focal: Focal) -> Column:
    """Return the log odds of margins that were trained with a focal loss, as `Focal.log_odds` does."""
    z = F.greatest(F.least(margin, F.lit(LARGEST_MARGIN)), F.lit(-LARGEST_MARGIN))
    smooth = F.log1p(F.exp(-F.abs(z)))
    gamma, ratio = F.lit(focal.gamma), F.lit(math.log(focal.weights[0] / focal.weights[1]))
    up = F.log1p(gamma * F.exp(-z) * (F.greatest(z, F.lit(0.0)) + smooth))
    down = F.log1p(gamma * F.exp(z) * (F.greatest(-z, F.lit(0.0)) + smooth))
    return (gamma + 1) * z + up - down + ratio


def softmax(margins: Column) -> Column:
    """Return the probabilities of an array of margins, one for each class.

    `margins` is a plain column: Spark takes no Python function inside a lambda.
    """
    shifted = let(F.array_max(margins), lambda top: F.transform(margins, lambda m: F.exp(m - top)))
    return let(shifted, lambda e: let(_sum(e), lambda whole: F.transform(e, lambda x: x / whole)))


def _sum(values: Column) -> Column:
    return F.aggregate(values, F.lit(0.0), lambda a, b: a + b)


def in_order(probabilities: Column, trained: Sequence[str], classes: Sequence[str]) -> Column:
    """Return probabilities of the `trained` classes in the order of `classes`; all other classes get 0."""
    if tuple(trained) == tuple(classes):
        return probabilities
    place = {c: i for i, c in enumerate(trained)}
    return F.array(*[F.get(probabilities, place[c]) if c in place else F.lit(0.0) for c in classes])
